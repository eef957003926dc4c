import pytest

from seaway.config import FlagError
from seaway.config.engine import EngineConfig
from seaway.config.flags import parse_flags
from seaway.config.options import BY_KEY

# Said by a running dockerd.
REFUSED = [
    (["--bogus"], "unknown flag: --bogus"),
    (["-Z"], "unknown shorthand flag: 'Z' in -Z"),
    (["--mtu"], "flag needs an argument: --mtu"),
    (["-DH"], "flag needs an argument: 'H' in -DH"),
    (["arg"], '"dockerd" accepts no argument(s).'),
    (
        ["--debug=zz"],
        'invalid argument "zz" for "-D, --debug" flag: strconv.ParseBool: parsing "zz": invalid syntax',
    ),
    (
        ["--max-concurrent-downloads", "x"],
        'invalid argument "x" for "--max-concurrent-downloads" flag: strconv.ParseInt: parsing "x": invalid syntax',
    ),
    (
        ["--add-runtime", "runc=/x"],
        """invalid argument "runc=/x" for "--add-runtime" flag: runtime name 'runc' is reserved""",
    ),
    (["--add-runtime", "zz"], 'invalid argument "zz" for "--add-runtime" flag: invalid runtime argument: zz'),
    (["--dns", "zz"], 'invalid argument "zz" for "--dns" flag: zz is not an ip address'),
    (["--ip", "zz"], 'invalid argument "zz" for "--ip" flag: zz is not an ip address'),
    (["--label", "ab"], 'invalid argument "ab" for "--label" flag: bad attribute format: ab'),
    (["--default-ulimit", "zz"], 'invalid argument "zz" for "--default-ulimit" flag: invalid ulimit argument: zz'),
    (["--default-shm-size", "zz"], """invalid argument "zz" for "--default-shm-size" flag: invalid size: 'zz'"""),
]


@pytest.mark.parametrize(("argv", "sentence"), REFUSED)
def test_a_wrong_command_line_is_refused_in_pflags_words(argv: list[str], sentence: str) -> None:
    with pytest.raises(FlagError) as refusal:
        parse_flags(argv)
    assert str(refusal.value) == sentence


def test_go_spellings() -> None:
    values = parse_flags(["--tls=false", "-Dl", "warn", "-G=wheel", "-Hfd://", "--host", "tcp://:1", "--icc=0"]).values
    assert values == {
        "tls": False,
        "debug": True,
        "log-level": "warn",
        "group": "wheel",
        "hosts": ("fd://", "tcp://:1"),
        "icc": False,
    }


def test_actions_are_not_configuration() -> None:
    flags = parse_flags(["--validate", "-v", "-h"])
    assert flags.actions == {"validate", "version", "help"}
    assert flags.values == {}


def test_every_option_has_a_field() -> None:
    config = EngineConfig()
    for option in BY_KEY.values():
        assert hasattr(config, option.field), option.name
