import msgspec
import pytest

from seaway.images.changes import apply_changes
from seaway.images.instructions import InvalidChange, expanded
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
        ("ENV A='", '^failed to process "\'": unexpected end of statement while looking for matching single-quote$'),
        ("ENV A=1 B", '^Syntax error - can\'t find = in "B"'),
        ("ENV =x", "^ENV names can not be blank$"),
        ("", "^file with no instructions$"),
        ("# only a comment", "^file with no instructions$"),
        ('CMD ["a", 1]', "arrays must be comprised of strings only$"),
        ("EXPOSE 80/foo", "^invalid proto: foo$"),
        ("EXPOSE 90-80", "^invalid containerPort: 90-80$"),
        ("USER", "^USER requires exactly one argument$"),
        ("VOLUME []", "^VOLUME requires at least one argument$"),
        ('VOLUME [""]', "^VOLUME specified can not be an empty string$"),
        ("STOPSIGNAL bogus", "[Ii]nvalid signal: bogus$"),
        ("HEALTHCHECK --interval=x CMD y", '^time: invalid duration "x"$'),
        ("HEALTHCHECK --interval=5 CMD y", '^time: missing unit in duration "5"$'),
        ("HEALTHCHECK --interval=1us CMD y", '^Interval "interval" cannot be less than 1ms$'),
        ("HEALTHCHECK --interval 5s CMD y", "^Missing a value on flag: interval$"),
        ("HEALTHCHECK --retries=-1 CMD y", r"^--retries cannot be negative \(-1\)$"),
        ("HEALTHCHECK --retries=x CMD y", 'parsing "x": invalid syntax$'),
        ("HEALTHCHECK --often CMD y", "^Unknown flag: often$"),
        ("HEALTHCHECK --retries=1", "^HEALTHCHECK requires at least one argument$"),
        ("HEALTHCHECK CMD", "^Missing command after HEALTHCHECK CMD$"),
        ("HEALTHCHECK NONE x", "^HEALTHCHECK NONE takes no arguments$"),
        ("HEALTHCHECK http x", r'^Unknown type "HTTP" in HEALTHCHECK \(try CMD\)$'),
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
        ("${C-none}${E-none}${E:-none}${E+set}", "nonenoneset"),
        ("${C:-$A}", "one"),
        ("'$A'", "$A"),
        ('"$A b" c', "one b c"),
        (r"\$A", "$A"),
        (r'"\$A \" \x"', r'$A " \x'),
        (r"a\ b", "a b"),
        ("$1 $", "$1 $"),
    ],
)
def test_variables_are_expanded(text: str, value: str) -> None:
    assert expanded(text, {"A": "one", "E": ""}) == value


def test_a_change_sees_the_variables_that_are_there() -> None:
    config = apply_changes(ContainerConfig(env=["A=one"]), ["ENV B=$A-two", "LABEL l=$B", "WORKDIR /$A", "CMD echo $A"])
    assert (config.env, config.labels, config.working_dir) == (["A=one", "B=one-two"], {"l": "one-two"}, "/one")
    assert config.cmd == ["/bin/sh", "-c", "echo $A"]


def test_a_new_entrypoint_ends_the_command_that_was_the_old_ones() -> None:
    before = ContainerConfig(cmd=["sh"])
    assert apply_changes(before, ["ENTRYPOINT /run"]).cmd is None
    assert apply_changes(before, ["CMD a", "ENTRYPOINT /run"]).cmd == ["/bin/sh", "-c", "a"]


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        ("ENV B=$A", "env", ["A=two words", "B=two words"]),
        ("ENV A=1 B=$A", "env", ["A=1", "B=two words"]),
        ("ENV\tB=1", "env", ["A=two words", "B=1"]),
        ("EXPOSE 80/UDP 8080:81 127.0.0.1:1:82", "exposed_ports", {"80/udp": {}, "81/tcp": {}, "82/tcp": {}}),
        ("EXPOSE $NONE", "exposed_ports", {}),
        ('USER "me"', "user", "me"),
        ('WORKDIR "/q q"', "working_dir", "/q q"),
        ("WORKDIR /a/../b", "working_dir", "/a/../b"),
        ("CMD a \\\n b", "cmd", ["/bin/sh", "-c", "a  b"]),
        ("CMD a\\", "cmd", ["/bin/sh", "-c", "a"]),
        ('LABEL "a b"=c', "labels", {"a b": "c"}),
        ("HEALTHCHECK --interval=5s NONE", "healthcheck", Healthcheck(test=["NONE"])),
    ],
)
def test_the_finer_points(change: str, key: str, value: object) -> None:
    assert getattr(apply_changes(ContainerConfig(env=["A=two words"]), [change]), key) == value
