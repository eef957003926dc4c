"""Debian's packages for the machine: which versions there are, a tree made of them, and its kernel, unpacked."""

import shutil
import subprocess
from pathlib import Path

KERNEL = "linux-image-cloud-amd64"
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "kmod", "procps", "xfsprogs", "nfs-kernel-server", "criu", "iptables"),
    *("python3", "python3-venv", "crun", "runc", "conmon", "nftables", "netbase", "iproute2", "busybox-static"),
)


class BuildFailed(Exception):
    """A command that makes a part of the machine failed; the message has what it said."""


def candidates(more: tuple[str, ...]) -> dict[str, str]:
    """The version of each package, these among them, that apt would install here."""
    kernel = kernel_package()
    text = run("apt-cache", "policy", kernel, *PACKAGES, *more)
    names = [line.rstrip(":") for line in text.splitlines() if line and not line.startswith(" ")]
    versions = [line.split()[1] for line in text.splitlines() if line.startswith("  Candidate: ")]
    return dict(zip(names, versions, strict=True))


def kernel_package() -> str:
    """The package with the kernel that `KERNEL` names."""
    return next(
        line.split()[-1] for line in run("apt-cache", "depends", KERNEL).splitlines() if "Depends: linux-image" in line
    )


def make_tree(root: Path, more: tuple[str, ...]) -> None:
    """The system, these packages among it, with every mount that this needs in a namespace that ends with it. Needs root."""
    packages = ",".join((*PACKAGES, *more))
    bootstrap = ["debootstrap", "--variant=minbase", f"--include={packages}", suite(), str(root), mirror()]
    run("unshare", "--mount", "--pid", "--fork", "--kill-child", *bootstrap)
    for left in ("var/cache/apt/archives", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
        shutil.rmtree(root / left, ignore_errors=True)


def unpack_kernel(root: Path, scratch: Path) -> Path:
    """Its modules into the tree; the compressed kernel is what is answered."""
    scratch.mkdir()
    run("apt-get", "download", kernel_package(), cwd=scratch)
    run("dpkg-deb", "-x", str(next(scratch.glob("*.deb"))), str(scratch / "kernel"))
    modules = next((scratch / "kernel").glob("**/modules/[0-9]*"))
    shutil.copytree(modules, root / "usr/lib/modules" / modules.name, symlinks=True)
    run("chroot", str(root), "depmod", modules.name)
    return next((scratch / "kernel/boot").glob("vmlinuz-*"))


def suite() -> str:
    release = dict(line.split("=", 1) for line in Path("/etc/os-release").read_text().splitlines() if "=" in line)
    return release.get("VERSION_CODENAME", "stable").strip('"')


def mirror() -> str:
    """The one that this machine's apt uses."""
    found = run("apt-get", "indextargets", "--format", "$(REPO_URI) $(COMPONENT)", "Created-By: Packages").splitlines()
    mirrors = [url for url, component in map(str.split, found) if component == "main" and "debian" in url]
    return next((url for url in mirrors if "security" not in url), "http://deb.debian.org/debian")


def run(*argv: str, cwd: Path | None = None) -> str:
    done = subprocess.run(argv, capture_output=True, text=True, check=False, cwd=cwd, stdin=subprocess.DEVNULL)
    if done.returncode:
        raise BuildFailed(f"{' '.join(argv)}\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout
