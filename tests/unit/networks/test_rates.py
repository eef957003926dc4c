import pytest

from seaway.networks.rates import RX, TX, BadRate, Rates, parse_rates


def test_rates() -> None:
    assert parse_rates({RX: "10mbit", TX: "1.5Gbit"}) == Rates(10_000_000, 1_500_000_000)
    assert parse_rates({RX: "8000", TX: "0"}) == Rates(8000)
    assert not parse_rates(None)


@pytest.mark.parametrize("text", ["x", "-1", "10 m", "1kbit", "64gbit", "10mbps", "1" * 400 + "gbit"])
def test_what_is_no_rate(text: str) -> None:
    with pytest.raises(BadRate, match="a rate is like"):
        parse_rates({RX: text})
