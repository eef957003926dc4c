import dns.edns
import dns.message
import dns.rcode
import dns.rrset
import pytest

from seaway.networks.dns.cache import LONGEST_S, MOST, Cache
from seaway.networks.dns.wire import FormError, is_plain, lifetime, parse_question


class Time:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def query(name: str = "example.org", kind: str = "A", *, id: int = 1, **options: int) -> bytes:
    return dns.message.make_query(name, kind, id=id, **options).to_wire()  # type: ignore[arg-type]


def answer(asked: bytes, *records: str, section: str = "answer", rcode: int = dns.rcode.NOERROR) -> bytes:
    message = dns.message.make_response(dns.message.from_wire(asked))
    message.set_rcode(dns.rcode.Rcode(rcode))
    name = message.question[0].name
    rrsets = [dns.rrset.from_text(name, *record.split(" ", 3)) for record in records]
    getattr(message, section).extend(rrsets)
    return message.to_wire()


def found(cache: Cache, asked: bytes) -> dns.message.Message | None:
    said = cache.find("scope", asked)
    return dns.message.from_wire(said) if said else None


def test_an_answer_is_told_again_with_less_of_its_time() -> None:
    time = Time()
    cache = Cache(time)
    cache.keep("scope", query(), answer(query(), "60 IN A 192.0.2.7", "90 IN A 192.0.2.8"))
    time.now += 20
    message = found(cache, query(id=77))
    assert message
    assert message.id == 77
    assert [(rrset.ttl, len(rrset)) for rrset in message.answer] == [(40, 2)]
    assert cache.find("another scope", query()) is None
    assert found(cache, query(kind="AAAA")) is None
    time.now += 40
    assert found(cache, query()) is None
    assert len(cache) == 0


def test_that_a_name_does_not_exist_holds_as_long_as_the_soa_says() -> None:
    time = Time()
    cache = Cache(time)
    soa = "300 IN SOA ns.example.org. hostmaster.example.org. 1 7200 900 86400 30"
    cache.keep("scope", query(), answer(query(), soa, section="authority", rcode=dns.rcode.NXDOMAIN))
    message = found(cache, query())
    assert message
    assert message.rcode() == dns.rcode.NXDOMAIN
    time.now += 31
    assert found(cache, query()) is None


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (query(), answer(query(), rcode=dns.rcode.SERVFAIL)),
        (query(), answer(query(), rcode=dns.rcode.NXDOMAIN)),  # without SOA
        (query(), answer(query(), "0 IN A 192.0.2.7")),
        (query(), answer(query(), "60 IN A 192.0.2.7")[:-3]),
        (query(), b"\0" * 12),
    ],
)
def test_what_is_not_kept(asked: bytes, said: bytes) -> None:
    cache = Cache(Time())
    cache.keep("scope", asked, said)
    assert len(cache) == 0


def test_a_cut_answer_is_not_kept() -> None:
    cache, said = Cache(Time()), bytearray(answer(query(), "60 IN A 192.0.2.7"))
    said[2] |= 0x02
    cache.keep("scope", query(), bytes(said))
    assert len(cache) == 0


def test_only_a_query_that_others_ask_alike_is_kept() -> None:
    plain, with_edns = query(), query(use_edns=0, payload=1232)
    with_cookie = dns.message.make_query("example.org", "A")
    with_cookie.use_edns(0, options=[dns.edns.GenericOption(10, b"12345678")])
    assert [is_plain(q, parse_question(q)) for q in (plain, with_edns, with_cookie.to_wire())] == [True, True, False]


def test_nobody_is_believed_for_long_and_nothing_grows_without_end() -> None:
    time = Time()
    cache = Cache(time)
    for n in range(MOST + 5):
        asked = query(f"n{n}.example.org")
        cache.keep("scope", asked, answer(asked, "86400 IN A 192.0.2.7"))
    assert len(cache) == MOST
    assert found(cache, query("n4.example.org")) is None
    time.now += LONGEST_S + 1
    assert found(cache, query("n100.example.org")) is None


def test_garbage() -> None:
    for garbage in (b"", b"\0" * 12, query()[:-3], query()[:14], b"\0\0\1\0\0\1" + b"\0" * 6 + b"\xc0\x0c\0\1\0\1"):
        with pytest.raises(FormError):
            parse_question(garbage)
    with pytest.raises(FormError):
        lifetime(answer(query(), "60 IN A 192.0.2.7")[:-6])
    assert parse_question(query("Web.Shop")).name == "web.shop"
    assert parse_question(query(".")).name == ""
