import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import pytest

from seaway.networks.dns.answers import Answerer, refusal
from seaway.networks.dns.wire import FormError
from seaway.networks.dns.zone import Record, View, Zone

VIEW = View(("n1",))


def answerer(*addresses: str) -> tuple[Zone, Answerer]:
    zone = Zone()
    zone.join("e1", Record("n1", "shop", addresses or ("172.18.0.2",), ("web",)))
    return zone, Answerer(zone)


def ask(answers: Answerer, name: str, kind: str = "A", *, tcp: bool = False, **options: int) -> dns.message.Message:
    query = dns.message.make_query(name, kind, **options)  # type: ignore[arg-type]
    answer = answers.answer(query.to_wire(), VIEW, tcp=tcp)
    assert answer is not None
    message = dns.message.from_wire(answer)
    assert query.is_response(message)
    return message


def test_an_address() -> None:
    message = ask(answerer()[1], "WEB.")
    assert [str(rrset) for rrset in message.answer] == ["WEB. 600 IN A 172.18.0.2"]
    assert message.flags & dns.flags.RA


def test_a_known_name_without_an_address_of_the_family() -> None:
    for kind in ("AAAA", "MX", "TXT"):
        message = ask(answerer()[1], "web", kind)
        assert (message.rcode(), message.answer) == (dns.rcode.NOERROR, [])


def test_an_unknown_name_is_somebody_elses() -> None:
    for name, kind in (("example.org", "A"), ("9.0.18.172.in-addr.arpa", "PTR"), ("x.arpa", "PTR")):
        assert answerer()[1].answer(dns.message.make_query(name, kind).to_wire(), VIEW) is None


def test_the_way_back() -> None:
    message = ask(answerer()[1], "2.0.18.172.in-addr.arpa", "PTR")
    assert str(message.answer[0][0]) == "web.shop."


def test_several_addresses_take_turns() -> None:
    zone, answers = answerer("172.18.0.2", "172.18.0.3", "172.18.0.4")
    first = {str(ask(answers, "web").answer[0][0]) for _ in range(60)}
    assert first == {"172.18.0.2", "172.18.0.3", "172.18.0.4"}
    zone.join("e1", Record("n1", "shop", ("172.18.0.9",), ("web",)))
    assert [str(a) for a in ask(answers, "web").answer[0]] == ["172.18.0.9"]


def test_too_many_for_a_datagram() -> None:
    _, answers = answerer(*(f"172.18.1.{n}" for n in range(200)))
    cut = ask(answers, "web")
    assert cut.flags & dns.flags.TC
    assert not cut.answer
    assert len(ask(answers, "web", use_edns=0, payload=4096).answer[0]) == 200
    assert len(ask(answers, "web", tcp=True).answer[0]) == 200


def test_garbage() -> None:
    _, answers = answerer()
    response = dns.message.make_response(dns.message.make_query("web", "A")).to_wire()
    for garbage in (b"", b"x", b"\0" * 11, b"\xff" * 40, response):
        with pytest.raises(FormError):
            answers.answer(garbage, VIEW)
    assert refusal(b"x", dns.rcode.FORMERR) is None
    assert refusal(response, dns.rcode.FORMERR) is None  # or two servers would talk for ever
    broken = dns.message.make_query("web", "A").to_wire()[:-3]
    refused = refusal(broken, dns.rcode.FORMERR)
    assert refused
    assert dns.message.from_wire(refused).rcode() == dns.rcode.FORMERR
    refused = refusal(dns.message.make_query("web", "A").to_wire(), dns.rcode.SERVFAIL)
    assert refused
    assert dns.message.from_wire(refused).rcode() == dns.rcode.SERVFAIL
