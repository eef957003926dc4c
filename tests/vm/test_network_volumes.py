"""Volumes of the local driver on a real NFS server: the machine's kernel is both, server and client."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from conformance.engines import RunningEngine

SERVER, CLIENT = "192.0.2.1", "192.0.2.2"


def run(*command: str) -> None:
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (command, done.stdout + done.stderr)


@pytest.fixture
def wire(engine: RunningEngine) -> Iterator[None]:
    """From the engine's network namespace to the machine, where the server listens."""
    namespace = engine.namespace
    run("ip", "link", "add", "wire", "type", "veth", "peer", "name", "share", "netns", namespace)
    run("ip", "address", "add", f"{SERVER}/24", "dev", "wire")
    run("ip", "link", "set", "wire", "up")
    run("ip", "-n", namespace, "address", "add", f"{CLIENT}/24", "dev", "share")
    run("ip", "-n", namespace, "link", "set", "share", "up")
    try:
        yield
    finally:
        run("ip", "link", "del", "wire")


@pytest.fixture
def share(tmp_path: Path) -> Path:
    folder = tmp_path / "share"
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    (folder / "there").write_text("before\n")
    return folder


@contextmanager
def nfs_server(folder: Path) -> Iterator[None]:
    """Of version 4 alone, which needs no port mapper."""
    Path("/etc/exports").write_text(f"{folder} {CLIENT}(rw,fsid=0,no_root_squash,no_subtree_check,insecure)\n")
    run("mount", "-t", "nfsd", "nfsd", "/proc/fs/nfsd")
    run("exportfs", "-ra")
    mountd = subprocess.Popen(["rpc.mountd", "--foreground", "-N", "2", "-N", "3"])
    try:
        run("rpc.nfsd", "--no-nfs-version", "3", "--grace-time", "10", "--lease-time", "10", "2")
        yield
    finally:
        run("rpc.nfsd", "0")
        mountd.terminate()
        mountd.wait(60)
        run("exportfs", "-ua")
        run("umount", "/proc/fs/nfsd")


def used(engine: RunningEngine, share: Path, *options: str) -> None:
    """A container writes to the share, a copy goes in and out, and nothing stays mounted."""
    flags = [word for option in options for word in ("-o", option)]
    made = engine.docker("volume", "create", "net", *flags)
    assert made.returncode == 0, made.stderr
    try:
        script = "cat /v/there; echo written > /v/new; grep ' /v ' /proc/mounts"
        done = engine.docker("run", "--name", "user", "-v", "net:/v", "busybox", "sh", "-c", script)
        assert done.stdout.startswith("before\n"), done.stderr
        assert SERVER in done.stdout
        assert (share / "new").read_text() == "written\n"
        copied = engine.docker("cp", str(share / "there"), "user:/v/copied")
        assert copied.returncode == 0, copied.stderr
        assert (share / "copied").read_text() == "before\n"
        assert engine.docker("rm", "user").returncode == 0
        assert f"{engine.data_root}/volumes/net/_data" not in Path("/proc/mounts").read_text()
    finally:
        engine.docker("rm", "-f", "user")
        gone = engine.docker("volume", "rm", "net")
    assert gone.returncode == 0, gone.stderr
    assert (share / "there").exists()


@pytest.mark.modules("nfsd", "nfsv4")
def test_nfs(engine: RunningEngine, wire: None, share: Path) -> None:
    with nfs_server(share):
        used(engine, share, "type=nfs", f"o=addr={SERVER},nfsvers=4,rw,soft", "device=:/")
