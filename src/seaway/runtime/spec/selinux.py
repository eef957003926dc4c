"""SELinux labels of containers: made of the policy's contexts, the user's options, and a level of each one's own.

A label is `user:role:type:level`; a policy without levels has three parts. The level is `s0` and a pair of categories
that no other container has: who has another pair may not touch its files.
"""

import random
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from seaway.base.errors import InvalidParameter

CATEGORIES = 1024
SHARED_LEVEL = "s0"
UNCONFINED_LEVEL = f"s0:c{CATEGORIES - 2},c{CATEGORIES - 1}"
"""Of the files of containers without a label: no confined process has it."""
_OPTIONS = frozenset({"user", "role", "type", "level", "filetype"})


@dataclass(frozen=True, slots=True)
class Label:
    user: str
    role: str
    type: str
    level: str = ""

    def __str__(self) -> str:
        return ":".join((self.user, self.role, self.type, *filter(None, [self.level])))


@dataclass(frozen=True, slots=True)
class Contexts:
    """What the policy says of containers, before anything is chosen for one of them."""

    process: Label
    file: Label


@dataclass(frozen=True, slots=True)
class ContainerLabels:
    """`process` "" is unlabelled; `mount` is that of every file of its own."""

    process: str = ""
    mount: str = ""


NO_LABELS = ContainerLabels()


def parse_label(text: str) -> Label:
    """Raises ValueError."""
    parts = text.split(":", 3)
    if len(parts) < 3:
        raise ValueError(f"invalid SELinux label: {text!r}")
    return Label(*parts)


def parse_contexts(text: str) -> Contexts | None:
    """Of `lxc_contexts`: a `key = "value"` a line. None where it has no labels for containers. Raises ValueError."""
    lines = (line.strip() for line in text.splitlines())
    pairs = (line.partition("=") for line in lines if line and line[0] not in ";#")
    found = {key.strip(): value.strip().strip('"') for key, _, value in pairs}
    if not (found.get("process") and found.get("file")):
        return None
    return Contexts(parse_label(found["process"]), parse_label(found["file"]))


def unused_level(taken: Collection[str], choose: Callable[[], Sequence[int]]) -> str:
    """`choose` gives two categories. There are half a million pairs: a free one is soon found."""
    while True:
        low, high = sorted(choose())
        level = f"s0:c{low},c{high}"
        if level not in taken and level != UNCONFINED_LEVEL:
            return level


def container_labels(contexts: Contexts | None, options: Iterable[str], others: Iterable[str]) -> ContainerLabels:
    """`options` are those of `--security-opt label=`; `others` are other containers' labels. No `contexts`: none, and
    what the options say does not matter. Raises InvalidParameter."""
    if contexts is None:
        return NO_LABELS
    process, file = contexts.process, contexts.file
    if process.level:
        level = unused_level({parse_label(other).level for other in others}, _two_categories)
        process, file = replace(process, level=level), replace(file, level=level)
    for option in options:
        if option == "disable":
            return ContainerLabels("", str(replace(contexts.file, level=UNCONFINED_LEVEL)))
        key, value = _parse_option(option)
        if key == "filetype":
            file = replace(file, type=value)
            continue
        process = replace(process, **{key: value})
        if key in ("level", "user"):
            file = replace(file, **{key: value})
    return ContainerLabels(str(process), str(file))


def options_for(label: str) -> list[str]:
    """Those that give a container the label of another's process; none where that has none."""
    if not label:
        return []
    parsed = parse_label(label)
    parts = {"user": parsed.user, "role": parsed.role, "type": parsed.type, "level": parsed.level}
    return [f"{key}:{value}" for key, value in parts.items() if value]


def shared(label: str) -> str:
    """The label of files that every container may touch."""
    return str(replace(parse_label(label), level=SHARED_LEVEL))


def _parse_option(option: str) -> tuple[str, str]:
    key, colon, value = option.partition(":")
    if not colon or key not in _OPTIONS:
        valid = "valid options 'disable' or \n'user, role, level, type, filetype' followed by ':' and a value"
        raise InvalidParameter(f'bad label option "{option}", {valid}')
    return key, value


def _two_categories() -> list[int]:
    return random.SystemRandom().sample(range(CATEGORIES), 2)
