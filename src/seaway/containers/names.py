"""Container names: what may be one, who has which, and what an unnamed container is called.

`NameIndex.reserve` comes before anything of the container is written, `release` when its creation fails.
"""

import re
import secrets

from seaway.base.errors import Conflict, InvalidParameter

NAME_CHARACTERS = "[a-zA-Z0-9][a-zA-Z0-9_.-]"
_NAME = re.compile(r"/?[a-zA-Z0-9][a-zA-Z0-9_.-]+$")
_ADJECTIVES = [
    "able",
    "amber",
    "brave",
    "bright",
    "brisk",
    "calm",
    "candid",
    "clear",
    "clever",
    "coral",
    "crisp",
    "daring",
    "deep",
    "eager",
    "early",
    "easy",
    "fair",
    "fleet",
    "fresh",
    "gentle",
    "glad",
    "golden",
    "grand",
    "happy",
    "hardy",
    "honest",
    "humble",
    "jolly",
    "keen",
    "kind",
    "lively",
    "loyal",
    "lucid",
    "lucky",
    "mellow",
    "merry",
    "mild",
    "modest",
    "neat",
    "noble",
    "nimble",
    "patient",
    "placid",
    "polite",
    "proud",
    "quick",
    "quiet",
    "ready",
    "robust",
    "salty",
    "sandy",
    "serene",
    "sharp",
    "silver",
    "sincere",
    "smooth",
    "snug",
    "solid",
    "spry",
    "stable",
    "steady",
    "sturdy",
    "sunny",
    "swift",
    "tidal",
    "tidy",
    "upbeat",
    "vivid",
    "warm",
    "wise",
    "witty",
]
_SURNAMES = [
    "amundsen",
    "barents",
    "beaufort",
    "bering",
    "bligh",
    "bougainville",
    "bowditch",
    "cabot",
    "cabral",
    "cartier",
    "caesar",
    "cook",
    "dampier",
    "davis",
    "diaz",
    "drake",
    "elcano",
    "ericson",
    "flinders",
    "frobisher",
    "fram",
    "franklin",
    "gama",
    "gibson",
    "grotius",
    "hadley",
    "halley",
    "harrison",
    "hawkins",
    "hudson",
    "humboldt",
    "jansz",
    "jason",
    "johansen",
    "kidd",
    "laperouse",
    "magellan",
    "maury",
    "mercator",
    "nansen",
    "nelson",
    "nemo",
    "park",
    "parry",
    "peary",
    "piccard",
    "polo",
    "pytheas",
    "quiros",
    "raleigh",
    "ross",
    "scoresby",
    "scott",
    "shackleton",
    "slocum",
    "sverdrup",
    "tasman",
    "torres",
    "vancouver",
    "verne",
    "vespucci",
    "weddell",
    "wilkes",
    "zheng",
]


class NameInUse(Conflict):
    pass


def validate_name(name: str) -> str:
    """The name without its leading slash. Raises InvalidParameter in dockerd's words."""
    if not _NAME.match(name):
        raise InvalidParameter(f"Invalid container name ({name}), only {NAME_CHARACTERS} are allowed")
    return name.removeprefix("/")


class NameIndex:
    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def reserve(self, name: str, container_id: str) -> None:
        """Idempotent for the same container. Raises NameInUse."""
        holder = self._ids.setdefault(name, container_id)
        if holder != container_id:
            raise NameInUse(
                f'Conflict. The container name "/{name}" is already in use by container "{holder}".'
                " You have to remove (or rename) that container to be able to reuse that name."
            )

    def generate(self, container_id: str) -> str:
        for attempt in range(6):
            digit = str(secrets.randbelow(10)) if attempt else ""
            name = f"{secrets.choice(_ADJECTIVES)}_{secrets.choice(_SURNAMES)}{digit}"
            if name not in self._ids:
                self.reserve(name, container_id)
                return name
        self.reserve(container_id[:12], container_id)
        return container_id[:12]

    def release(self, name: str) -> None:
        self._ids.pop(name, None)

    def find(self, name: str) -> str | None:
        return self._ids.get(name.removeprefix("/"))
