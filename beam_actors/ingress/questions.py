"""Reading DNS questions: bytes of a stranger become a `Question`, or the reply that RFC 8906 asks for, or silence.

Invariant: nothing but `None`, a `Refusal` or a `Question` comes out, whatever goes in, in time linear in its length.
The header and the one question are walked here (a question needs no compression pointer, so none is accepted, and
dnslib refuses labels that are legal but no UTF-8); dnslib sees only the EDNS record, after its bounds were checked.

Sources: RFC 1035 section 4.1, RFC 6891 section 6.1, RFC 8906 section 3.
"""

import enum
import struct

import attrs
from dnslib import OPCODE, QTYPE, RCODE, RR, DNSError
from dnslib.label import DNSBuffer

HEADER = struct.Struct("!HHHHHH")
_OPT_FIXED = 11  # the root name, type, class, ttl and rdlength (RFC 6891 section 6.1.2)
MAX_QUESTION = 4096
"""A longer message is no question: the question has at most 255 + 4 bytes, and no known option is long."""

QR = 0x8000
RD = 0x0100
CD = 0x0010
_OPCODE_MASK = 0x7800


class Rcode(enum.IntEnum):
    """Response codes that are used here (RFC 1035 section 4.1.1, RFC 6891 section 9)."""

    NOERROR = RCODE.NOERROR
    FORMERR = RCODE.FORMERR
    SERVFAIL = RCODE.SERVFAIL
    NXDOMAIN = RCODE.NXDOMAIN
    NOTIMP = RCODE.NOTIMP
    REFUSED = RCODE.REFUSED
    BADVERS = 16


@attrs.frozen(slots=True)
class Edns:
    """What the client said in its OPT record; unknown options are ignored (RFC 6891 section 6.1.2)."""

    size: int
    """The UDP payload, in bytes, that it takes; below 512 means 512 (section 6.2.3)."""
    version: int
    dnssec_ok: bool
    options: bool
    """Whether there were any: such questions differ each time, so their replies are not kept."""


@attrs.frozen(slots=True)
class Question:
    """One well-formed question."""

    id: int
    flags: int
    labels: tuple[bytes, ...]
    """As they came, so that the reply repeats their case (draft-vixie-dnsext-dns0x20)."""
    type: int
    klass: int
    edns: Edns | None


@attrs.frozen(slots=True)
class Refusal:
    """A message that gets a bare header back; `question_end` is not known or not trusted."""

    id: int
    flags: int
    rcode: Rcode

    def pack(self) -> bytes:
        """The 12 bytes of the reply: same id, opcode and RD, no sections (RFC 8906 section 3.1.4)."""
        return HEADER.pack(self.id, QR | (self.flags & (_OPCODE_MASK | RD)) | self.rcode, 0, 0, 0, 0)


def name_of(data: bytes) -> bytes:
    """The name that a message may be about, lower-case, as it stands on the wire: to compare, not to trust."""
    end = data.find(b"\0", HEADER.size)
    return data[HEADER.size : end].lower() if end >= 0 else b""


def read_question(data: bytes) -> Question | Refusal | None:
    """Read one message; None means that it must be dropped: too short for an id, or itself a response."""
    if len(data) < HEADER.size:
        return None
    ident, flags, *counts = HEADER.unpack_from(data)
    if flags & QR:
        return None
    if (flags & _OPCODE_MASK) >> 11 != OPCODE.QUERY:
        return Refusal(ident, flags, Rcode.NOTIMP)
    question = None
    # Two OPT records are an error (RFC 6891 section 6.1.1), and TSIG and SIG(0), the other additionals, aren't offered.
    if counts in ([1, 0, 0, 0], [1, 0, 0, 1]) and len(data) <= MAX_QUESTION:
        question = _read_body(data, ident, flags, edns=counts[3] == 1)
    return question or Refusal(ident, flags, Rcode.FORMERR)


def _read_body(data: bytes, ident: int, flags: int, *, edns: bool) -> Question | None:
    walked = _walk_name(data, HEADER.size)
    if walked is None or walked[1] + 4 > len(data):
        return None
    labels, end = walked
    qtype, qclass = struct.unpack_from("!HH", data, end)
    record = _read_edns(data, end + 4) if edns else None
    if edns is (record is None) or (not edns and end + 4 != len(data)):
        return None
    return Question(ident, flags, labels, qtype, qclass, record)


def _walk_name(data: bytes, offset: int) -> tuple[tuple[bytes, ...], int] | None:
    """The labels at `offset` and the offset behind them; None for a pointer, an overrun or more than 255 bytes."""
    labels: list[bytes] = []
    start = offset
    while offset < len(data):
        size = data[offset]
        offset += 1
        if offset + size - start > 255 or size > 63:
            return None
        if size == 0:
            return tuple(labels), offset
        label = data[offset : offset + size]
        if len(label) < size:
            return None
        labels.append(label)
        offset += size
    return None


def _read_edns(data: bytes, offset: int) -> Edns | None:
    """The OPT record that ends the message at exactly its last byte, or None."""
    fixed = data[offset : offset + _OPT_FIXED]
    if len(fixed) < _OPT_FIXED:
        return None
    owner, rtype, _, _, size = struct.unpack("!BHHIH", fixed)
    if owner != 0 or rtype != QTYPE.OPT or offset + _OPT_FIXED + size != len(data):
        return None
    buffer = DNSBuffer(data)
    buffer.offset = offset
    try:
        record = RR.parse(buffer)
    except (DNSError, ValueError):
        return None
    return Edns(record.edns_len, record.edns_ver, bool(record.edns_do), options=size > 0)
