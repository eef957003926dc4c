import pytest

from seaway.config import ConfigError, parse_host

READ = [
    ("", "unix:///var/run/docker.sock"),
    ("unix://", "unix:///var/run/docker.sock"),
    ("unix:///tmp/x.sock", "unix:///tmp/x.sock"),
    ("unix://@name", "unix://@name"),
    ("tcp://", "tcp://localhost:2375"),
    ("tcp://:7777", "tcp://localhost:7777"),
    ("0.0.0.0", "tcp://0.0.0.0:2375"),
    ("[::1]:5555", "tcp://[::1]:5555"),
    ("tcp://[::]", "tcp://[::]:2375"),
    ("fd://", "fd://"),
    ("fd://3", "fd://3"),
]


@pytest.mark.parametrize(("text", "read"), READ)
def test_addresses(text: str, read: str) -> None:
    assert str(parse_host(text)) == read


def test_with_tls_the_defaults_are_others() -> None:
    assert str(parse_host("", tls=True)) == "tcp://localhost:2376"
    assert str(parse_host("tcp://0.0.0.0", tls=True)) == "tcp://0.0.0.0:2376"


@pytest.mark.parametrize("text", ["zz://", "tcp://a:b", "tcp://[::1", "unix://tcp://x", "tcp://unix://x", "a:70000"])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        parse_host(text)
