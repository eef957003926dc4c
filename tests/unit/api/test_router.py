import pytest
from aiohttp import web

from seaway.api.request import Request
from seaway.api.router import Route, Router, clean_path


async def handler(request: Request) -> web.StreamResponse:
    raise NotImplementedError


ROUTER = Router(
    [
        Route("GET", "/info", handler),
        Route("GET", "/images/json", handler),
        Route("GET", "/images/{name:.*}/json", handler),
        Route("POST", "/exec/{id}/start", handler),
        Route("OPTIONS", "/{any:.*}", handler),
    ]
)


def test_a_prefix_names_the_version() -> None:
    found = ROUTER.match("GET", "/v1.41/info")
    assert found
    assert found.version == "1.41"
    assert (plain := ROUTER.match("GET", "/info"))
    assert plain.version is None


def test_names_may_have_slashes() -> None:
    found = ROUTER.match("GET", "/v1.41/images/localhost:5000/a/b:1/json")
    assert found
    assert found.variables == {"name": "localhost:5000/a/b:1"}
    assert (listing := ROUTER.match("GET", "/images/json"))
    assert listing.variables == {}


@pytest.mark.parametrize(
    ("path", "clean"),
    [("//info", "/info"), ("/a/../info", "/info"), ("/a/./b/", "/a/b/"), ("//", "/"), ("/a..b/.c", "/a..b/.c")],
)
def test_paths_have_a_simplest_form(path: str, clean: str) -> None:
    assert clean_path(path) == clean


def test_wrong_methods_paths_and_prefixes_match_nothing() -> None:
    for method, path in [
        ("PUT", "/info"),
        ("GET", "/nope"),
        ("GET", "/v1.41x/info"),
        ("GET", "*"),
        ("GET", ""),
    ]:
        assert ROUTER.match(method, path) is None


def test_a_pattern_may_begin_with_a_variable() -> None:
    assert ROUTER.match("OPTIONS", "/v1.41/any/thing")
    assert ROUTER.match("OPTIONS", "/")
