import pytest

from seaway.base.errors import InvalidParameter
from seaway.base.filters import Filters, parse_filters
from seaway.distribution.login import server_host
from seaway.distribution.search import plan_search


@pytest.mark.parametrize(
    ("term", "index", "name"),
    [
        ("busybox", "docker.io", "busybox"),
        ("library/busybox", "docker.io", "busybox"),
        ("team/app", "docker.io", "team/app"),
        ("r.example/team/app", "r.example", "team/app"),
        ("localhost/app", "localhost", "app"),
        ("docker.io/library/app", "docker.io", "app"),
    ],
)
def test_which_index_is_asked_for_what(term: str, index: str, name: str) -> None:
    wanted = plan_search(term, 0, Filters())
    assert (wanted.index, wanted.term, wanted.limit) == (index, name, 25)


def test_filters() -> None:
    wanted = plan_search("x", 7, parse_filters('{"stars":["3","10"],"is-official":["false"]}'))
    assert (wanted.limit, wanted.stars, wanted.is_official) == (7, 10, False)


@pytest.mark.parametrize(
    ("term", "limit", "filters", "said"),
    [
        ("x", 101, "", r"limit 101 is outside the range of \[1, 100\]"),
        ("https://x", 0, "", r"invalid repository name: repository name \(https://x\) should not have a scheme"),
        ("x", 0, '{"stars":["many"]}', "invalid filter 'stars=many'"),
        ("x", 0, '{"colour":["red"]}', "invalid filter 'colour'"),
    ],
)
def test_what_is_refused(term: str, limit: int, filters: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{said}$"):
        plan_search(term, limit, parse_filters(filters))


def test_the_server_that_a_log_in_means() -> None:
    assert server_host("") == server_host("https://index.docker.io/v1/") == "docker.io"
    assert server_host("r.example:5000") == server_host("http://r.example:5000/v2/") == "r.example:5000"
