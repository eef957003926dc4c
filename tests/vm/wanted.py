"""What the machine is to run: a file in the root of the project as it is handed in."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE = ".vm-wanted.json"


@dataclass(frozen=True)
class Wanted:
    """pytest's IDs of the tests, and options for it."""

    nodeids: tuple[str, ...]
    options: tuple[str, ...] = ()

    def write(self, file: Path) -> None:
        file.write_text(json.dumps(asdict(self)))

    @classmethod
    def read(cls, file: Path) -> "Wanted":
        return cls(**{name: tuple(value) for name, value in json.loads(file.read_text()).items()})


def is_inside() -> bool:
    return Path(FILE).exists()
