"""One machine, from its start to its end: an emulated PC with two disks, whose second serial port tells of the tests."""

import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from beside.remote import RemoteFailed
from vm import debian
from vm.image import PROJECT, Image, cached_image, make_filesystem
from vm.kinds import Kind
from vm.wanted import FILE, Wanted

QEMU = "qemu-system-x86_64"
# Turns off instead of waiting where it cannot go on, so that the log's end has the reason.
KERNEL_OPTIONS = "console=ttyS0 rw quiet panic=-1 mitigations=off audit=0 systemd.unit=seaway-tests.service systemd.mask=timers.target"
BOOT_WITHIN_S = 600
TAIL = 60


class MachineFailed(RemoteFailed):
    """It panicked, hung or ended before its tests did; the message has the end of the serial log."""


def why_not() -> str | None:
    """What this host lacks for a machine."""
    missing = [name for name in (QEMU, "debootstrap", "mke2fs", "docker") if not shutil.which(name)]
    if missing:
        return f"needs {', '.join(missing)}"
    return "needs root to make its disk" if os.geteuid() else None


class Machine:
    def __init__(self, folder: Path, process: "subprocess.Popen[bytes]") -> None:
        self._folder, self._process = folder, process
        assert process.stdout
        self._out, self._unread = process.stdout, b""

    def next_message(self, within_s: float) -> dict[str, Any]:
        """What it tells next. Raises MachineFailed if nothing comes within that time, or ever."""
        while b"\n" not in self._unread:
            with selectors.DefaultSelector() as selector:
                selector.register(self._out, selectors.EVENT_READ)
                if not selector.select(within_s):
                    raise MachineFailed(
                        f"nothing was heard for {within_s:.0f} seconds; the serial log ends with\n{self.log_tail()}"
                    )
            got = os.read(self._out.fileno(), 1 << 16)
            if not got:
                raise MachineFailed(f"the machine ended; the serial log ends with\n{self.log_tail()}")
            self._unread += got
        line, _, self._unread = self._unread.partition(b"\n")
        message: dict[str, Any] = json.loads(line)
        return message

    def log_tail(self) -> str:
        text = (self._folder / "console").read_text(errors="replace")
        text += (self._folder / "qemu").read_text(errors="replace")
        return "\n".join(line.rstrip() for line in text.splitlines()[-TAIL:])


@contextmanager
def started(wanted: Wanted, kind: Kind) -> Iterator[Machine]:
    """A machine of that kind that runs these tests, and is no more afterwards. Raises BuildFailed."""
    image = cached_image(kind)
    with tempfile.TemporaryDirectory(prefix="seaway-vm-") as name:
        folder = Path(name)
        _make_project_disk(folder, wanted)
        with open(folder / "qemu", "wb") as errors:
            process = subprocess.Popen(
                _command(image, folder, kind),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                env={**os.environ, "TMPDIR": name},  # qemu's: what is written to the disks
            )
        try:
            yield Machine(folder, process)
        finally:
            process.kill()
            process.wait()
            assert process.stdout
            process.stdout.close()
            if kept := os.environ.get("SEAWAY_VM_LOG"):
                shutil.copyfile(folder / "console", kept)


def kernel_options(kind: Kind) -> str:
    return " ".join((KERNEL_OPTIONS, *kind.kernel_options))


def _command(image: Image, folder: Path, kind: Kind) -> list[str]:
    disks = (image.disk, folder / "project")
    return [
        *(
            QEMU,
            "-machine",
            "q35,accel=tcg,usb=off",
            "-cpu",
            "max,la57=off,avx=off,avx2=off",
            "-smp",
            "2",
            "-m",
            "1536",
        ),
        *("-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-nic", "none"),
        *("-kernel", str(image.kernel), "-initrd", str(image.initramfs), "-append", kernel_options(kind)),
        *(word for disk in disks for word in ("-drive", f"file={disk},if=virtio,format=raw,snapshot=on,cache=unsafe")),
        *("-serial", f"file:{folder}/console", "-serial", "stdio"),
    ]


def _make_project_disk(folder: Path, wanted: Wanted) -> None:
    tree = folder / "tree"
    for name in _project_files():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        if (PROJECT / name).is_file():
            shutil.copy2(PROJECT / name, tree / name, follow_symlinks=False)
    wanted.write(tree / FILE)
    # Python of another version in there takes no notice.
    debian.run(
        sys.executable,
        "-m",
        "compileall",
        "-q",
        "-s",
        str(tree),
        "-p",
        "/seaway",
        str(tree / "src"),
        str(tree / "tests"),
    )
    make_filesystem(tree, folder / "project", "256M")
    shutil.rmtree(tree)


def _project_files() -> list[str]:
    """What git knows or would."""
    if (PROJECT / ".git").exists() and shutil.which("git"):
        return debian.run("git", "ls-files", "-z", "-co", "--exclude-standard", cwd=PROJECT).rstrip("\0").split("\0")
    kept = [PROJECT / name for name in ("src", "tests", "docs", "contrib", "scripts", "pyproject.toml")]
    return [str(file.relative_to(PROJECT)) for top in kept for file in (top, *top.rglob("*")) if file.is_file()]
