import pytest

from seaway.api.request import Request
from seaway.api.router import Route
from seaway.daemon.adoption import waits_for


async def _handler(request: Request) -> None: ...


@pytest.mark.parametrize(
    ("method", "pattern", "what"),
    [
        ("GET", "/containers/json", ""),
        ("GET", "/networks/{name}", ""),
        ("HEAD", "/images/json", ""),
        ("GET", "/containers/{name}/json", ""),
        ("GET", "/containers/{name}/logs", "one"),
        ("DELETE", "/containers/{name:.+}", "one"),
        ("POST", "/containers/{name}/exec", "one"),
        ("POST", "/containers/create", "all"),
        ("POST", "/containers/prune", "all"),
        ("DELETE", "/volumes/{name}", "all"),
        ("GET", "/exec/{id}/json", "all"),
        ("POST", "/exec/{id}/start", "all"),
    ],
)
def test_what_waits_for_whom(method: str, pattern: str, what: str) -> None:
    assert waits_for(Route(method, pattern, _handler)) == what  # type: ignore[arg-type]
