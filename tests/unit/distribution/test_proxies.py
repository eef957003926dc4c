import pytest
from yarl import URL

from seaway.distribution.proxies import Proxies


@pytest.mark.parametrize(
    ("none_for", "url", "is_proxied"),
    [
        ("", "https://r.example/v2/", True),
        ("", "https://127.0.0.1:5000/", False),
        ("", "https://localhost/", False),
        ("", "https://[::1]:5000/", False),
        ("*", "https://r.example/", False),
        ("r.example", "https://r.example/", False),
        ("r.example", "https://sub.r.example/", False),
        ("r.example", "https://other.example/", True),
        ("r.example", "https://xr.example/", True),
        (".r.example", "https://sub.r.example/", False),
        (".r.example", "https://r.example/", True),
        ("*.r.example", "https://sub.r.example/", False),
        ("r.example:5000", "https://r.example:5000/", False),
        ("r.example:5000", "https://r.example/", True),
        ("10.0.0.0/8", "https://10.1.2.3/", False),
        ("10.0.0.0/8", "https://11.1.2.3/", True),
        ("10.1.2.3", "https://10.1.2.3:5000/", False),
        ("[fe80::1]:5000", "https://[fe80::1]:5000/", False),
        ("a, R.Example ,b", "https://r.example/", False),
    ],
)
def test_no_proxy_by_gos_rules(none_for: str, url: str, is_proxied: bool) -> None:
    found = Proxies(https="http://proxy:3128", none_for=none_for).for_url(URL(url))
    assert found == (URL("http://proxy:3128") if is_proxied else None)


def test_each_scheme_has_its_own() -> None:
    proxies = Proxies(http="proxy:1", https="https://proxy:2")
    assert str(proxies.for_url(URL("http://r.example/"))) == "http://proxy:1"
    assert str(proxies.for_url(URL("https://r.example/"))) == "https://proxy:2"
    assert Proxies(http="proxy:1").for_url(URL("https://r.example/")) is None
