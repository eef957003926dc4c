from seaway.kernel.cgroup import known_controllers, mounted_controllers

TABLE = """#subsys_name\thierarchy\tnum_cgroups\tenabled
cpuset\t3\t1\t1
hugetlb\t0\t1\t1
misc\t0\t1\t0
"""
MOUNTS = """30 24 0:26 / /sys/fs/cgroup/cpu rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
31 24 0:27 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
"""


def test_disabled_controllers_do_not_count() -> None:
    assert known_controllers(TABLE) == {"cpuset", "hugetlb"}


def test_controllers_of_v1_mounts() -> None:
    assert {"cpu", "cpuacct"} <= mounted_controllers(MOUNTS)
    assert "hugetlb" not in mounted_controllers(MOUNTS)
