"""The options of a mount of overlayfs, which the kernel takes a page of.

An upper directory has to hold all that was changed, for it is read as it is: whatever the kernel's defaults, nothing is
mounted so that a rename leaves a redirect, or a chmod a file without its content.
"""

from collections.abc import Sequence
from pathlib import Path

from seaway.kernel.mount import PAGE_SIZE
from seaway.layers.driver import StorageError

_WHOLE_UPPER = {"index": "index=off", "redirect_always_follow": "redirect_dir=follow", "metacopy": "metacopy=off"}
"""Module parameters that tell what the kernel knows, and the options for what their defaults would do to an upper."""


def whole_upper_options(parameters: Path) -> str:
    """With a comma before each: they come after the directories."""
    return "".join(f",{option}" for name, option in _WHOLE_UPPER.items() if (parameters / name).exists())


def overlay_options(home: Path, cache_id: str, lower: Sequence[str], features: str) -> str:
    """With absolute names, as tools that read the mount table expect, as long as they fit."""
    for prefix in (f"{home}/", ""):
        lowers = ":".join(prefix + short for short in lower)
        own = f"{prefix}{cache_id}"
        options = f"lowerdir={lowers},upperdir={own}/diff,workdir={own}/work{features}"
        if len(options) < PAGE_SIZE:
            return options
    raise StorageError("cannot mount layer, mount label too large")
