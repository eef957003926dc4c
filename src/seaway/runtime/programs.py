"""Which program is meant by the name of a runtime, and how it is called."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from seaway.base.errors import SystemFailure
from seaway.kernel import process
from seaway.kernel.sealed import sealed_program

DEFAULT = "crun"


@dataclass(frozen=True, slots=True)
class RuntimeProgram:
    """`path` of None is looked up under the runtime's name."""

    path: str | None = None
    args: tuple[str, ...] = ()


# The last is what dockerd calls runc when it says how it is run.
BUILT_IN: Mapping[str, RuntimeProgram] = {
    "crun": RuntimeProgram(),
    "runc": RuntimeProgram(),
    "io.containerd.runc.v2": RuntimeProgram("runc"),
}


class RuntimePrograms:
    """`state_root` is where the runtimes keep their state, a folder for each."""

    def __init__(self, state_root: Path, known: Mapping[str, RuntimeProgram], *, systemd_cgroups: bool = False) -> None:
        self._state_root, self._known, self.systemd_cgroups = state_root, known, systemd_cgroups

    def use(self, known: Mapping[str, RuntimeProgram]) -> None:
        self._known = known

    def executable(self, runtime: str) -> str:
        path = self.path(runtime)
        return sealed_program(path) if base_name(path) == DEFAULT else path

    def path(self, runtime: str) -> str:
        program = self._known.get(runtime, RuntimeProgram(runtime))
        found = process.find_program(program.path or runtime)
        if not found:
            raise SystemFailure(f'failed to create task for container: runtime "{runtime}" was not found: unknown')
        return found

    def arguments(self, runtime: str) -> tuple[str, ...]:
        program = self._known.get(runtime, RuntimeProgram(runtime))
        options = ("--systemd-cgroup",) if self.systemd_cgroups else ()
        return ("--root", str(self._state_root / base_name(runtime)), *options, *program.args)


def base_name(runtime: str) -> str:
    return Path(runtime).name
