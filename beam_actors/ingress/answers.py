"""Composing DNS replies: a question and what is known about its name become the bytes to send. Pure.

Rules, with their sources:
- authoritative for the suffixes only; elsewhere REFUSED, without AA (RFC 8906 section 3.1);
- NXDOMAIN and NODATA carry the SOA, whose minimum of 1 s bounds how long "no such name" is remembered (RFC 2308);
- `SOA <suffix>` is answered: nss-mdns asks it to learn that `.local` is served by DNS here (nss-mdns README);
- AAAA, HTTPS and every other type that a name lacks are NODATA, at once: silence costs a stub resolver 5 s;
- what has names below it is never NXDOMAIN (RFC 8020); ANY gets one RRset (RFC 8482 section 4.1);
- the question is echoed byte for byte; a reply above the limit is empty and says TC (RFC 2181 section 9);
- an OPT record only for one (RFC 6891 section 7), version 0 only, else BADVERS (section 6.1.3).
"""

import ipaddress
from collections.abc import Iterable, Sequence

import attrs
from dnslib import AAAA, CLASS, EDNS0, NS, QTYPE, RR, SOA, TXT, A, DNSHeader, DNSLabel, DNSQuestion, DNSRecord

from beam_actors.ingress.questions import CD, QR, RD, Question, Rcode
from beam_actors.ingress.zone import Place, Spot, Zone

AA = 0x0400
TC = 0x0200
UDP_SIZE = 1232
"""What we take and send at most over UDP: no fragments on any path (DNS flag day 2020)."""
UDP_SIZE_WITHOUT_EDNS = 512
NAME_TTL = 10
NEGATIVE_TTL = 1
APEX_TTL = 60
_SOA_TIMES = (1, 3600, 600, 86400, NEGATIVE_TTL)  # serial, refresh, retry, expire, minimum; nobody transfers the zone
_TRANSFERS = {QTYPE.AXFR, QTYPE.IXFR}


@attrs.frozen(slots=True)
class Located:
    """A name as programs on this machine reach it."""

    address: str
    """An IP literal on which the ingress serves the name."""
    facts: tuple[str, ...] = ()
    """What TXT says about it, such as `owner=…`; each at most 255 bytes."""
    device: bool = False
    """Whether it is a device of the LAN, at an address of its own, and no name of the system."""


def udp_limit(question: Question) -> int:
    """The size in bytes of the longest UDP reply to this question."""
    if question.edns is None:
        return UDP_SIZE_WITHOUT_EDNS
    return max(UDP_SIZE_WITHOUT_EDNS, min(question.edns.size, UDP_SIZE))


@attrs.frozen(slots=True)
class Responder:
    """Replies for one zone, served at one address."""

    zone: Zone
    server: str
    """The IP literal of the name server itself, which `ns.<suffix>` resolves to."""

    def immediate(self, question: Question, limit: int) -> bytes | Spot:
        """The reply, if no look-up is needed for it; else the spot of the name to look up."""
        if question.edns is not None and question.edns.version > 0:
            return _pack(question, Rcode.BADVERS, limit)
        spot = self.zone.spot(question.labels)
        if spot.place is Place.OUTSIDE or question.klass != CLASS.IN or question.type in _TRANSFERS:
            return _pack(question, Rcode.REFUSED, limit)
        if spot.place is Place.NAME:
            return spot
        if spot.place is Place.NOTHING:
            return self.absent(question, limit)
        records: list[RR] = []  # an owner's id alone: NODATA
        if spot.place is Place.APEX:
            records = self._apex(question, spot.suffix)
        elif spot.place is Place.SERVER:
            records = _addresses(question.labels, self.server, APEX_TTL)
        return self._data(question, records, limit)

    def found(self, question: Question, located: Located, limit: int) -> bytes:
        """The reply for a name that exists."""
        records = _addresses(question.labels, located.address, NAME_TTL)
        if located.facts:
            facts = [fact.encode()[:255] for fact in located.facts]
            records.append(RR(DNSLabel(question.labels), QTYPE.TXT, ttl=NAME_TTL, rdata=TXT(facts)))
        return self._data(question, records, limit)

    def absent(self, question: Question, limit: int) -> bytes:
        """The reply for a name of which nobody knows."""
        return _pack(question, Rcode.NXDOMAIN, limit, flags=AA, authority=[self._soa(question, NEGATIVE_TTL)])

    def failed(self, question: Question, limit: int) -> bytes:
        """The reply when the look-up broke off: SERVFAIL, which resolvers don't take for "no such name"."""
        return _pack(question, Rcode.SERVFAIL, limit)

    def _data(self, question: Question, records: Iterable[RR], limit: int) -> bytes:
        """NOERROR with those records that were asked for, or NODATA."""
        wanted = [record for record in records if question.type in {record.rtype, QTYPE.ANY}]
        if question.type == QTYPE.ANY:
            wanted = [record for record in wanted if record.rtype == wanted[0].rtype]
        authority = [] if wanted else [self._soa(question, NEGATIVE_TTL)]
        return _pack(question, Rcode.NOERROR, limit, flags=AA, answer=wanted, authority=authority)

    def _apex(self, question: Question, suffix: str) -> list[RR]:
        name = DNSLabel(question.labels)
        records = [
            self._soa(question, APEX_TTL),
            RR(name, QTYPE.NS, ttl=APEX_TTL, rdata=NS(DNSLabel([b"ns", *question.labels]))),
        ]
        if suffix == "localhost":  # RFC 6761 section 6.3: always the loopback addresses
            records += _addresses(question.labels, "127.0.0.1", APEX_TTL)
            records += _addresses(question.labels, "::1", APEX_TTL)
        return records

    @staticmethod
    def _soa(question: Question, ttl: int) -> RR:
        apex = question.labels[-1:]
        server, mailbox = DNSLabel([b"ns", *apex]), DNSLabel([b"hostmaster", *apex])
        return RR(DNSLabel(apex), QTYPE.SOA, ttl=ttl, rdata=SOA(server, mailbox, _SOA_TIMES))


def _addresses(labels: Sequence[bytes], ip: str, ttl: int) -> list[RR]:
    name = DNSLabel(tuple(labels))
    if ipaddress.ip_address(ip).version == 4:
        return [RR(name, QTYPE.A, ttl=ttl, rdata=A(ip))]
    return [RR(name, QTYPE.AAAA, ttl=ttl, rdata=AAAA(ip))]


def _pack(
    question: Question,
    rcode: Rcode,
    limit: int,
    *,
    flags: int = 0,
    answer: Sequence[RR] = (),
    authority: Sequence[RR] = (),
) -> bytes:
    flags |= QR | (question.flags & (RD | CD))
    packed = _record(question, rcode, flags, answer, authority).pack()
    if len(packed) > limit:
        packed = _record(question, rcode, flags | TC, (), ()).pack()
    return bytes(packed)


def _record(question: Question, rcode: Rcode, flags: int, answer: Sequence[RR], authority: Sequence[RR]) -> DNSRecord:
    additional = []
    if question.edns is not None:
        dnssec = "do" if question.edns.dnssec_ok else ""  # copied, RFC 3225 section 3
        additional.append(EDNS0(udp_len=UDP_SIZE, flags=dnssec, ext_rcode=rcode >> 4))
    header = DNSHeader(id=question.id, bitmap=flags | (rcode & 0xF))
    echoed = DNSQuestion(DNSLabel(question.labels), question.type, question.klass)
    return DNSRecord(header, questions=[echoed], rr=list(answer), auth=list(authority), ar=additional)
