from typing import Any

from seaway.containers.container import Container
from seaway.containers.execs import ExecOptions
from seaway.containers.identity import Identity
from seaway.engine.exec_process import exec_process
from seaway.model.container import ContainerConfig, HostConfig

OWN: dict[str, Any] = {
    "args": ["redis-server"],
    "terminal": True,
    "consoleSize": {"height": 24, "width": 80},
    "cwd": "/data",
    "user": {"uid": 33, "gid": 33, "additionalGids": []},
    "capabilities": {"bounding": ["CAP_KILL"], "effective": ["CAP_KILL"], "permitted": ["CAP_KILL"]},
    "noNewPrivileges": True,
    "selinuxLabel": "u:r:container_t:s0:c1,c2",
    "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 10, "soft": 5}],
}
WEB = Identity(33, 34, (5,), "/srv")


def process(options: ExecOptions, console_size: tuple[int, int] | None = None) -> dict[str, Any]:
    config = ContainerConfig(hostname="box", env=["A=1", "B=2"], working_dir="/data", tty=True)
    container = Container(
        id="c" * 64,
        name="/x",
        created="",
        path="redis-server",
        args=[],
        config=config,
        host_config=HostConfig(),
        image="",
        driver="overlay2",
    )
    return exec_process(OWN, container, options, WEB, console_size)


def test_limits_and_privileges_are_the_containers() -> None:
    made = process(ExecOptions(("sh",)))
    assert (made["noNewPrivileges"], made["rlimits"]) == (True, OWN["rlimits"])
    assert made["selinuxLabel"] == OWN["selinuxLabel"]
    assert made["capabilities"] == OWN["capabilities"]


def test_command_user_and_directory_are_the_execs() -> None:
    made = process(ExecOptions(("sh", "-c", "true"), working_dir="/tmp"))
    assert (made["args"], made["cwd"]) == (["sh", "-c", "true"], "/tmp")
    assert made["user"] == {"uid": 33, "gid": 34, "additionalGids": [5]}
    assert process(ExecOptions(("sh",)))["cwd"] == "/data"


def test_the_environment_is_the_containers_with_the_execs_on_top() -> None:
    env = process(ExecOptions(("sh",), env=("B=3", "C=4", "A")))["env"]
    assert [e for e in env if e[0] in "ABC"] == ["B=3", "C=4"]
    assert "HOSTNAME=box" in env
    assert "HOME=/srv" in env


def test_a_terminal_is_the_execs_own() -> None:
    without = process(ExecOptions(("sh",)), (30, 100))
    assert (without["terminal"], "consoleSize" in without, "TERM=xterm" in without["env"]) == (False, False, False)
    made = process(ExecOptions(("sh",), tty=True), (30, 100))
    assert (made["terminal"], made["consoleSize"]) == (True, {"height": 30, "width": 100})
    assert "TERM=xterm" in made["env"]
    assert "consoleSize" not in process(ExecOptions(("sh",), tty=True))


def test_a_privileged_exec_may_more_than_its_container() -> None:
    assert len(process(ExecOptions(("sh",), privileged=True))["capabilities"]["bounding"]) > 1
