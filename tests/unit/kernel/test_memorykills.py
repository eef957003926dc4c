"""Whether the kernel killed for memory, from what the cgroup and the log say."""

import os
from pathlib import Path

import pytest

from seaway.kernel.memorykills import count_in, counter_of, was_killed

LOG = """<6>[  12.1] oom-kill:constraint=CONSTRAINT_MEMCG,task_memcg=/system.slice/docker-ab.scope,task=tail,pid=413,uid=0
<3>[  12.2] Memory cgroup out of memory: Killed process 413 (tail) total-vm:20000kB, anon-rss:16000kB
<3>[  13.0] Out of memory: Killed process 97 (mysqld) total-vm:1kB
"""


@pytest.mark.parametrize(("pid", "killed"), [(413, True), (97, True), (41, False), (4130, False), (13, False)])
def test_the_log_names_who_was_killed(pid: int, killed: bool) -> None:
    assert was_killed(LOG, pid, "docker-none.scope", 32768) is killed


@pytest.mark.parametrize(
    ("first", "name", "killed"),
    [
        (400, "ab", True),
        (414, "ab", False),  # it was a process of the run before
        (400, "cd", False),
        (32700, "ab", True),  # the numbers have begun again meanwhile
    ],
)
def test_the_log_names_whose_child_was_killed(first: int, name: str, killed: bool) -> None:
    assert was_killed(LOG, first, name, 32768) is killed


def test_the_count_of_a_group(tmp_path: Path) -> None:
    new, old = tmp_path / "docker" / "new", tmp_path / "memory" / "docker" / "old"
    new.mkdir(parents=True)
    old.mkdir(parents=True)
    (new / "memory.events").write_text("low 0\nmax 31\noom 2\noom_kill 1\noom_group_kill 0\n")
    (old / "memory.oom_control").write_text("oom_kill_disable 0\nunder_oom 0\noom_kill 3\n")
    groups = ("/docker/new", "/docker/old", "/docker/none")
    assert [count_in(group, tmp_path) for group in groups] == [1, 3, None]


def test_a_process_that_is_gone_has_no_counter(tmp_path: Path) -> None:
    assert counter_of(2**22 + 1, "ab", tmp_path) is None
    assert counter_of(os.getpid(), "ab", tmp_path) is None
