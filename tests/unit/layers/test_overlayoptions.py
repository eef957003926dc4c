from pathlib import Path

import pytest

from seaway.kernel.mount import PAGE_SIZE
from seaway.kernel.selinux import context_option
from seaway.layers.driver import StorageError
from seaway.layers.overlayoptions import overlay_options

HOME = Path("/data/overlay2")
CONTEXT = context_option("system_u:object_r:container_file_t:s0:c1,c2")


def test_the_label_comes_last_and_is_quoted_for_its_comma() -> None:
    assert overlay_options(HOME, "rw", ["l/A", "l/B"], f",index=off{CONTEXT}") == (
        "lowerdir=/data/overlay2/l/A:/data/overlay2/l/B,upperdir=/data/overlay2/rw/diff,workdir=/data/overlay2/rw/work"
        ',index=off,context="system_u:object_r:container_file_t:s0:c1,c2"'
    )
    assert context_option("") == ""


def test_names_are_relative_where_the_label_leaves_no_room_for_more() -> None:
    lower = ["l/A"] * 205
    assert overlay_options(HOME, "rw", lower, "").startswith("lowerdir=/data/")
    assert overlay_options(HOME, "rw", lower, "," * 200).startswith("lowerdir=l/A:")
    with pytest.raises(StorageError, match="mount label too large"):
        overlay_options(HOME, "rw", lower, "," * PAGE_SIZE)
