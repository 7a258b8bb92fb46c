"""One question of multicast DNS and its answers: which address a device of the LAN has under `<label>.local`. Pure.

Invariant: whatever comes in, nothing but an `Answer` or None comes out; only a response that repeats the question's id,
as one-shot queries get it by unicast, is read, and only an IPv4 address at which a device can be.

Sources: RFC 6762 sections 5.1 (one-shot queries), 6.7 (legacy unicast responses), 10.2 (the cache-flush bit), 18.
"""

import ipaddress
from typing import Final

import attrs
from dnslib import CLASS, QTYPE, DNSError, DNSHeader, DNSLabel, DNSQuestion, DNSRecord

from beam_actors.ingress.questions import HEADER, QR
from beam_actors.values import TcpAddress

GROUP: Final = TcpAddress("224.0.0.251", 5353)
DOMAIN: Final = "local"
MAX_RESPONSE: Final = 1472
"""Bytes of one frame of Ethernet; a response to one question about one name has no need of more."""
_CACHE_FLUSH = 0x8000
_MAX_RECORDS = 32


@attrs.frozen(slots=True)
class Answer:
    """A device's word."""

    id: int
    """That of the question."""
    label: str
    """Lower-case."""
    ip: str
    ttl: int
    """Seconds for which it holds; 0 says that the device is going."""


def question(label: str, ident: int) -> bytes:
    """The question for the address of `<label>.local`, with an id by which its answer is known."""
    asked = DNSQuestion(DNSLabel([label.encode(), DOMAIN.encode()]), QTYPE.A, CLASS.IN)
    return bytes(DNSRecord(DNSHeader(id=ident, bitmap=0), questions=[asked]).pack())


def read_answer(data: bytes) -> Answer | None:
    """The first address that a response has; None for everything else."""
    if not HEADER.size <= len(data) <= MAX_RESPONSE:
        return None
    ident, flags, *counts = HEADER.unpack_from(data)
    if not flags & QR or flags & 0x780F or sum(counts) > _MAX_RECORDS:  # an opcode, or a code of failure
        return None
    try:
        record = DNSRecord.parse(data)
    except (DNSError, ValueError, RecursionError):  # the last: names that point at names that point …
        return None
    for found in record.rr:
        labels = [part.lower() for part in found.rname.label]
        if found.rtype == QTYPE.A and found.rclass & ~_CACHE_FLUSH == CLASS.IN and labels[1:] == [DOMAIN.encode()]:
            ip = str(found.rdata)
            if _is_device(ip) and labels[0].isascii():
                return Answer(ident, labels[0].decode("ascii"), ip, found.ttl)
    return None


def _is_device(text: str) -> bool:
    try:
        ip = ipaddress.IPv4Address(text)
    except ValueError:
        return False
    return not (ip.is_loopback or ip.is_multicast or ip.is_unspecified or ip.is_reserved)
