import pytest

from seaway.cli.port import parse_publish


def parsed(text: str) -> list[tuple[str, str, str]]:
    return [(key, binding["HostIp"], binding["HostPort"]) for key, binding in parse_publish(text)]


def test_as_docker_run_has_it() -> None:
    assert parsed("80") == [("80/tcp", "", "")]
    assert parsed("8080:80") == [("80/tcp", "", "8080")]
    assert parsed("127.0.0.1:8080:80/udp") == [("80/udp", "127.0.0.1", "8080")]
    assert parsed("127.0.0.1::80") == [("80/tcp", "127.0.0.1", "")]
    assert parsed("[::1]:8080:80") == [("80/tcp", "::1", "8080")]
    assert parsed("8000-8001:80-81") == [("80/tcp", "", "8000"), ("81/tcp", "", "8001")]
    assert parsed("8000-8009:80") == [("80/tcp", "", "8000-8009")]


@pytest.mark.parametrize("text", ["", "x", "80:", "8000-8002:80-81", "1:2:3:4", "::1:80:80"])
def test_what_it_is_not(text: str) -> None:
    with pytest.raises(ValueError, match="invalid port"):
        parse_publish(text)
