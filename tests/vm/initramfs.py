"""What the kernel starts with: busybox, and the modules without which it finds no disk."""

import lzma
from collections.abc import Iterator
from pathlib import Path

NEEDED = ("virtio_pci", "virtio_blk", "ext4", "quota_v2")
_INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
for module in {modules}; do /bin/busybox insmod "/modules/$module" || echo "no $module"; done
until [ -b /dev/vda ]; do /bin/busybox sleep 0.1; done
/bin/busybox mount -t ext4 /dev/vda /root || /bin/busybox poweroff -f
/bin/busybox umount /proc
exec /bin/busybox switch_root /root /sbin/init
"""


def make_initramfs(tree: Path) -> bytes:
    """From a tree of Debian with busybox-static and one kernel's modules."""
    folder = next((tree / "usr/lib/modules").iterdir())
    modules = list(_closure(folder))
    init = _INIT.format(modules=" ".join(map(_name, modules)))
    files = [("bin/busybox", (tree / "usr/bin/busybox").read_bytes()), ("init", init.encode())]
    files += [(f"modules/{_name(module)}", _content(folder / module)) for module in modules]
    directories = [(name, b"") for name in ("bin", "modules", "proc", "dev", "root")]
    entries = [_entry(name, 0o040755, data) for name, data in directories]
    entries += [_entry(name, 0o100755, data) for name, data in files]
    return b"".join(entries) + _entry("TRAILER!!!", 0, b"")


def _closure(folder: Path) -> Iterator[str]:
    """What is needed, each after what it needs itself; a part of the kernel proper is no module."""
    needs: dict[str, list[str]] = {}
    for line in (folder / "modules.dep").read_text().splitlines():
        module, _, others = line.partition(":")
        needs[module] = others.split()
    by_name = {_name(module).partition(".")[0]: module for module in needs}
    done: set[str] = set()
    for wanted in NEEDED:
        if top := by_name.get(wanted):
            for module in (*reversed(needs[top]), top):
                if module not in done:
                    done.add(module)
                    yield module


def _name(module: str) -> str:
    return Path(module).name.removesuffix(".xz")


def _content(file: Path) -> bytes:
    data = file.read_bytes()
    return lzma.decompress(data) if file.suffix == ".xz" else data


def _entry(name: str, mode: int, data: bytes) -> bytes:
    """One of a cpio archive in the form `newc`."""
    fields = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name) + 1, 0)
    header = b"070701" + b"".join(b"%08x" % field for field in fields) + name.encode() + b"\0"
    return _padded(header) + _padded(data)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)
