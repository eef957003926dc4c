import msgspec
import pytest

from seaway.images.changes import InvalidChange, apply_changes, expanded
from seaway.model.container import ContainerConfig, Healthcheck


def test_every_instruction() -> None:
    config = apply_changes(
        ContainerConfig(env=["A=1", "B=2"]),
        [
            'CMD ["top", "-b"]',
            "ENTRYPOINT run me",
            'ENV A=3 C="d e"',
            "ENV OLD the rest",
            "EXPOSE 80 53/udp 90-91",
            'LABEL a=b c="d e"',
            'VOLUME ["/data"]\nVOLUME /more /most',
            "USER nobody",
            "WORKDIR /a",
            "WORKDIR b",
            "STOPSIGNAL SIGINT",
            "ONBUILD RUN x",
            "HEALTHCHECK --interval=5s --retries=3 CMD true",
        ],
    )
    assert config == ContainerConfig(
        cmd=["top", "-b"],
        entrypoint=["/bin/sh", "-c", "run me"],
        env=["A=3", "B=2", "C=d e", "OLD=the rest"],
        exposed_ports={"80/tcp": {}, "53/udp": {}, "90/tcp": {}, "91/tcp": {}},
        labels={"a": "b", "c": "d e"},
        volumes={"/data": {}, "/more": {}, "/most": {}},
        user="nobody",
        working_dir="/a/b",
        stop_signal="SIGINT",
        on_build=["RUN x"],
        healthcheck=Healthcheck(test=["CMD-SHELL", "true"], interval=5 * 10**9, retries=3),
    )
    assert msgspec.to_builtins(config)["Cmd"] == ["top", "-b"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ("RUN x", "^run is not a valid change command$"),
        ("CMD", "^CMD requires at least one argument$"),
        ("EXPOSE http", "^invalid containerPort: http$"),
        ("ENV A", "^ENV must have two arguments$"),
        ("ENV A='", "matching quote"),
        ("HEALTHCHECK --interval=x CMD y", '^time: invalid duration "x"$'),
        ("ONBUILD FROM x", "^FROM isn't allowed as an ONBUILD trigger$"),
    ],
)
def test_changes_that_are_refused(change: str, text: str) -> None:
    with pytest.raises(InvalidChange, match=text):
        apply_changes(ContainerConfig(), [change])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("$A/b", "one/b"),
        ("${A}b${C}", "oneb"),
        ("${C:-none}${A:-none}", "noneone"),
        ("${A:+set}${C:+set}", "set"),
        ("'$A'", "'$A'"),
        (r"\$A", r"\$A"),
        ("$1 $", "$1 $"),
    ],
)
def test_variables_are_expanded(text: str, value: str) -> None:
    assert expanded(text, {"A": "one"}) == value


def test_a_change_sees_the_variables_that_are_there() -> None:
    config = apply_changes(ContainerConfig(env=["A=one"]), ["ENV B=$A-two", "LABEL l=$B", "WORKDIR /$A", "CMD echo $A"])
    assert (config.env, config.labels, config.working_dir) == (["A=one", "B=one-two"], {"l": "one-two"}, "/one")
    assert config.cmd == ["/bin/sh", "-c", "echo $A"]
