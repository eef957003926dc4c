"""The directory of one run.

    <run_dir>/config.json      the OCI spec                 attach    conmon's socket (SEQPACKET)
              oci-log          the runtime's own errors     ctl       FIFO: resize, reopen the log
              pid, conmon.pid                               exit/<container id>  the exit code, once it ended
              process.json     (execs) the process          oom       there if the kernel killed for memory
A directory is never used for two runs, so what lies in it is about this run.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class RunDirectory:
    path: Path

    @property
    def pid_file(self) -> Path:
        return self.path / "pid"

    @property
    def conmon_pid_file(self) -> Path:
        return self.path / "conmon.pid"

    @property
    def exit_dir(self) -> Path:
        return self.path / "exit"

    @property
    def runtime_log(self) -> Path:
        return self.path / "oci-log"

    @property
    def process_file(self) -> Path:
        return self.path / "process.json"

    def make(self) -> None:
        os.makedirs(self.exit_dir, mode=0o700, exist_ok=True)

    def write_spec(self, spec: dict[str, Any]) -> None:
        (self.path / "config.json").write_bytes(msgspec.json.encode(spec))

    def write_process(self, process: dict[str, Any]) -> None:
        self.process_file.write_bytes(msgspec.json.encode(process))

    def read_process(self) -> dict[str, Any]:
        """The spec's process object."""
        process: dict[str, Any] = msgspec.json.decode((self.path / "config.json").read_bytes())["process"]
        return process

    def cgroups_path(self) -> str:
        """As the specification names it; empty where it cannot be read."""
        try:
            path: str = msgspec.json.decode((self.path / "config.json").read_bytes())["linux"]["cgroupsPath"]
        except (OSError, KeyError, msgspec.DecodeError):
            return ""
        return path

    def was_out_of_memory(self) -> bool:
        return (self.path / "oom").exists()

    def process_pid(self) -> int | None:
        return _number(self.pid_file)

    def conmon_pid(self) -> int | None:
        return _number(self.conmon_pid_file)

    def exit_code(self, container_id: str) -> int | None:
        return _number(self.exit_dir / container_id)

    def runtime_message(self) -> str:
        """The last error that the runtime logged, empty where it said nothing."""
        try:
            lines = self.runtime_log.read_bytes().splitlines()
        except FileNotFoundError:
            return ""
        return last_message(lines)


def last_message(lines: list[bytes]) -> str:
    for line in reversed(lines):
        try:
            entry = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue
        if isinstance(entry, dict) and entry.get("level") in ("error", "fatal"):
            return str(entry.get("msg", ""))
    return ""


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (FileNotFoundError, ValueError):
        return None
