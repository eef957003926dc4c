"""What the engine's DNS server says by itself. Bytes in, bytes out; whatever it does not know is somebody else's.

A, AAAA and PTR of containers: NOERROR and no answer where a known name has no address of the family (NODATA). A name
that nobody has is not denied here: the container's other servers may know it.
"""

import random
from collections.abc import Sequence
from ipaddress import ip_address

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from seaway.networks.dns.wire import FormError, Question, parse_question
from seaway.networks.dns.zone import View, Zone

TTL_S = 600
PLAIN_UDP_BYTES = 512
CACHED = 4096
EDNS_VERSION, OWN_PAYLOAD = 0, 4096
FAMILIES: dict[int, int] = {dns.rdatatype.A: 4, dns.rdatatype.AAAA: 6}


class Answerer:
    """Remembers what it said: clients ask for the same few names again and again."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._generation = zone.generation
        self._said: dict[tuple[View, bytes, bool], tuple[bytes, ...]] = {}

    def answer(self, query: bytes, view: View, *, tcp: bool = False) -> bytes | None:
        """None: ask somebody else. Raises FormError for what is no query."""
        if self._generation != self._zone.generation or len(self._said) > CACHED:
            self._said.clear()
            self._generation = self._zone.generation
        key = (view, query[2:], tcp)
        said = self._said.get(key)
        if said is None:
            said = self._said[key] = self._compose(query, view, tcp=tcp)
        if not said:
            return None
        return query[:2] + (said[0] if len(said) == 1 else random.choice(said))

    def _compose(self, query: bytes, view: View, *, tcp: bool) -> tuple[bytes, ...]:
        """The answer without its ID, in every order of its addresses; empty where it is somebody else's."""
        question = parse_question(query)
        records = self._records(question, view)
        if records is None:
            return ()
        try:
            message = dns.message.from_wire(query)
        except (dns.exception.DNSException, ValueError) as garbage:
            raise FormError from garbage
        if message.edns > EDNS_VERSION:
            return (_bad_version(message)[2:],)
        turns = [records[n:] + records[:n] for n in range(len(records))] or [[]]
        size = 65535 if tcp else max(message.payload, PLAIN_UDP_BYTES)
        return tuple(_respond(message, turn, size)[2:] for turn in turns)

    def _records(self, question: Question, view: View) -> list[str] | None:
        if question.kind == dns.rdatatype.PTR:
            found = self._zone.name_of(view, _reversed(question.name))
            return [found + "."] if found else None
        addresses = self._zone.addresses(view, question.name)
        if addresses is None:
            return None
        return [a for a in addresses if ip_address(a).version == FAMILIES.get(question.kind)]


def refusal(query: bytes, code: dns.rcode.Rcode) -> bytes | None:
    """The query, sent back with an error; None where there is not even a header to answer."""
    if len(query) < 12 or query[2] & 0x80:
        return None
    flags = (query[2] & 0x79) | 0x80
    try:
        response = dns.message.make_response(dns.message.from_wire(query), recursion_available=True)
        response.set_rcode(code)
        return response.to_wire()
    except (dns.exception.DNSException, ValueError):
        return query[:2] + bytes([flags, 0x80 | code]) + bytes(8)


def _respond(query: dns.message.Message, records: Sequence[str], size: int) -> bytes:
    response = dns.message.make_response(query, recursion_available=True, our_payload=OWN_PAYLOAD)
    question = query.question[0]
    if records:
        response.answer.append(dns.rrset.from_text_list(question.name, TTL_S, "IN", question.rdtype, list(records)))
    try:
        return response.to_wire(max_size=size, want_shuffle=False)
    except dns.exception.TooBig:
        response.answer.clear()
        response.flags |= dns.flags.TC
        return response.to_wire()


def _bad_version(query: dns.message.Message) -> bytes:
    """RFC 6891: with the version that is spoken here."""
    response = dns.message.make_response(query, recursion_available=True)
    response.use_edns(EDNS_VERSION, payload=OWN_PAYLOAD)
    response.set_rcode(dns.rcode.BADVERS)
    return response.to_wire()


def _reversed(name: str) -> str:
    if not name.endswith((".in-addr.arpa", ".ip6.arpa")):
        return ""
    try:
        return dns.reversename.to_address(dns.name.from_text(name))
    except (dns.exception.DNSException, ValueError):
        return ""
