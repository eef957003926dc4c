from pathlib import Path

from seaway.kernel.cgroup import Mode
from seaway.kernel.cgroup_warmth import group_file

TABLE = "7:pids:/system.slice/seaway.service\n1:name=systemd:/user\n0::/system.slice/seaway.service\n"
ROOT = Path("/sys/fs/cgroup")


def test_the_own_group_is_found_in_each_kind_of_hierarchy() -> None:
    own = "system.slice/seaway.service/cgroup.procs"
    assert group_file(TABLE, Mode.UNIFIED) == ROOT / own
    assert group_file(TABLE, Mode.HYBRID) == ROOT / "unified" / own
    assert group_file(TABLE, Mode.LEGACY) == ROOT / "pids" / own
    assert group_file("0::/\n", Mode.UNIFIED) == ROOT / "cgroup.procs"
