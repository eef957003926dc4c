"""SELinux labels on a kernel that has them, with Debian's policy in force, which permits what it would forbid.

That policy has no types for containers: those of virtual machines stand in. The machine has to be asked for:
scripts/test-vm --selinux tests/vm/test_selinux.py
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from conformance.conftest import Restarted, RunningEngine
from conformance.volumes import none_left
from vm.groups import inspect, running

pytestmark = pytest.mark.selinux

PROCESS, FILE = "system_u:system_r:svirt_t:s0", "system_u:object_r:svirt_image_t:s0"
CONTEXTS = Path("/usr/share/containers/selinux/contexts")


@pytest.fixture
def labelling(restarted: Restarted) -> Iterator[RunningEngine]:
    CONTEXTS.parent.mkdir(parents=True, exist_ok=True)
    CONTEXTS.write_text(f'process = "{PROCESS}"\nfile = "{FILE}"\n')
    engine = restarted("--selinux-enabled")
    with none_left(engine):
        yield engine
    CONTEXTS.unlink()


def level(label: str) -> str:
    return label.split(":", 3)[3]


def of_process(pid: int) -> str:
    return Path(f"/proc/{pid}/attr/current").read_text().rstrip("\0\n")


def of_file(path: Path | str) -> str:
    return os.getxattr(path, "security.selinux").decode().rstrip("\0")


def test_each_container_has_a_label_of_its_own(labelling: RunningEngine) -> None:
    assert "selinux" in labelling.docker("info", "-f", "{{.SecurityOptions}}").stdout
    with running(labelling) as first, running(labelling) as second:
        found = [inspect(labelling, each) for each in (first, second)]
        said = labelling.docker("exec", first, "cat", "/proc/self/attr/current").stdout
        labels = [of_process(each["State"]["Pid"]) for each in found]
        assert labels == [each["ProcessLabel"] for each in found]
        assert said.rstrip("\0\n") == labels[0]
        assert all(re.fullmatch(rf"{PROCESS}:c\d+,c\d+", label) for label in labels)
        assert labels[0] != labels[1]
        for each, label in zip(found, labels, strict=True):
            root = Path(f"/proc/{each['State']['Pid']}/root")
            assert each["MountLabel"] == f"{FILE}:{level(label).removeprefix('s0:')}"
            for name in ("", "etc/group", "etc/hosts", "etc/resolv.conf", "etc/hostname", "dev", "dev/shm"):
                assert (name, of_file(root / name)) == (name, each["MountLabel"])


def test_what_the_user_says_of_a_label(labelling: RunningEngine) -> None:
    """Also of a container that joins another, and of one that may do everything."""

    def label(*flags: str) -> str:
        with running(labelling, *flags) as box:
            return of_process(inspect(labelling, box)["State"]["Pid"])

    engine = of_process(labelling.process.pid if labelling.process else 0)
    assert label("--security-opt", "label=disable") == label("--privileged") == engine
    assert label("--security-opt=label=type:svirt_prot_exec_t", "--security-opt=label=level:s0:c1,c2") == (
        "system_u:system_r:svirt_prot_exec_t:s0:c1,c2"
    )
    with running(labelling, "--ipc", "shareable") as box:
        own = inspect(labelling, box)["ProcessLabel"]
        assert label("--ipc", f"container:{box}") == label("--pid", f"container:{box}") == own
    assert label("--ipc", "host") == label("--pid", "host") == engine
    refused = labelling.docker("run", "--rm", "--security-opt", "label=bogus:x", "busybox", "true")
    assert 'bad label option "bogus:x"' in refused.stderr


def test_binds_and_volumes_are_relabelled_as_said(labelling: RunningEngine, tmp_path: Path) -> None:
    for name in ("shared", "own", "left"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep/f").touch()
        (tmp_path / name / "link").symlink_to("/etc/passwd")
    before, hosts = of_file(tmp_path / "left/deep/f"), of_file("/etc/passwd")
    flags = [f"-v={tmp_path}/shared:/s:z", f"-v={tmp_path}/own:/o:ro,Z", f"-v={tmp_path}/left:/l"]
    flags += ["-v=named:/n", "-v=mine:/m:Z", "-v=/anonymous", "--tmpfs=/t"]
    with running(labelling, *flags) as box:
        found = inspect(labelling, box)
        root = Path(f"/proc/{found['State']['Pid']}/root")
        own = found["MountLabel"]
        for name, wanted in (("shared", FILE), ("own", own), ("left", before)):
            assert (name, of_file(tmp_path / name / "deep/f")) == (name, wanted)
        assert of_file("/etc/passwd") == hosts
        inside = {name: of_file(root / name) for name in ("s", "o", "n", "m", "anonymous", "t")}
        assert inside == {"s": FILE, "o": own, "n": FILE, "m": own, "anonymous": FILE, "t": own}
        # Another's files stay another's.
        with running(labelling, "--volumes-from", box) as heir:
            assert inspect(labelling, heir)["MountLabel"] != own
            assert (of_file(root / "m"), of_file(root / "o")) == (own, own)
        assert labelling.docker("cp", "/etc/passwd", f"{box}:/copied").returncode == 0
        assert of_file(root / "copied") == own
    refused = labelling.docker("run", "--rm", "-v", "/usr:/u:z", "busybox", "true")
    assert "SELinux relabeling of /usr is not allowed" in refused.stderr


def test_a_label_outlives_the_engine(labelling: RunningEngine) -> None:
    with running(labelling) as box:
        before = inspect(labelling, box)["ProcessLabel"]
        labelling.kill()
        labelling.start("--selinux-enabled")
        assert labelling.docker("restart", "-t", "0", box).returncode == 0
        found = inspect(labelling, box)
        assert found["ProcessLabel"] == of_process(found["State"]["Pid"]) == before
        with running(labelling) as other:
            assert inspect(labelling, other)["ProcessLabel"] != before
