import struct

import dnslib
import pytest

from beam_actors.ingress.questions import MAX_QUESTION, Edns, Question, Rcode, Refusal, read_question


def ask(name="byronwade.local", kind="A", **edns):
    record = dnslib.DNSRecord.question(name, kind)
    record.header.id = 0x1234
    if edns:
        record.add_ar(dnslib.EDNS0(**edns))
    return bytes(record.pack())


def test_a_plain_question():
    assert read_question(ask("ByronWade.local", "AAAA")) == Question(
        0x1234, 0x0100, (b"ByronWade", b"local"), 28, 1, None
    )


def test_the_root():
    assert read_question(ask(".")).labels == ()


def test_edns():
    question = read_question(ask(udp_len=4096, flags="do"))
    assert question.edns == Edns(4096, 0, dnssec_ok=True, options=False)
    cookie = dnslib.EDNSOption(10, b"12345678")
    assert read_question(ask(udp_len=512, opts=[cookie])).edns == Edns(512, 0, dnssec_ok=False, options=True)
    assert read_question(ask(udp_len=512, version=1)).edns.version == 1


@pytest.mark.parametrize("data", [b"", b"\x12\x34", b"\x12\x34\x01\0\0\x01\0\0\0\0\0", b"\x12\x34\x80\0" + bytes(8)])
def test_what_is_too_short_or_a_response_is_dropped(data):
    assert read_question(data) is None


def with_header(data, *, flags=None, counts=None):
    fields = list(struct.unpack_from("!HHHHHH", data))
    fields[1] = fields[1] if flags is None else flags
    fields[2:] = counts or fields[2:]
    return struct.pack("!HHHHHH", *fields) + data[12:]


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 15])
def test_other_opcodes_are_not_implemented(opcode):
    refusal = read_question(with_header(ask(), flags=opcode << 11 | 0x0100))
    assert refusal.rcode is Rcode.NOTIMP
    reply = dnslib.DNSHeader.parse(dnslib.DNSBuffer(refusal.pack()))
    assert (reply.id, reply.qr, reply.opcode, reply.rcode, reply.rd, reply.q) == (0x1234, 1, opcode, 4, 1, 0)


OPT = struct.pack("!BHHIH", 0, 41, 1232, 0, 0)
MALFORMED = {
    "no question": with_header(ask(), counts=(0, 0, 0, 0)),
    "two questions": with_header(ask() + ask()[12:], counts=(2, 0, 0, 0)),
    "65535 questions": with_header(ask(), counts=(65535, 0, 0, 0)),
    "an answer": with_header(ask(), counts=(1, 1, 0, 0)),
    "an authority": with_header(ask(), counts=(1, 0, 1, 0)),
    "bytes left over": ask() + b"\0",
    "cut in the name": ask()[:20],
    "cut in the type": ask()[:-1],
    "no type": ask()[:-4],
    "a pointer to itself": with_header(bytes(12) + b"\xc0\x0c\0\x01\0\x01", counts=(1, 0, 0, 0)),
    "a label of a reserved kind": with_header(bytes(12) + b"\x41a\0\0\x01\0\x01", counts=(1, 0, 0, 0)),
    "a name of 256 bytes": with_header(
        bytes(12) + (b"\x3f" + b"a" * 63) * 4 + b"\0\0\x01\0\x01", counts=(1, 0, 0, 0)
    ),
    "two OPT": with_header(ask() + OPT + OPT, counts=(1, 0, 0, 2)),
    "an OPT that is not there": with_header(ask(), counts=(1, 0, 0, 1)),
    "an OPT that is not counted": ask() + OPT,
    "an OPT with a name": with_header(ask() + b"\x01a" + OPT, counts=(1, 0, 0, 1)),
    "another additional": with_header(ask() + struct.pack("!BHHIH", 0, 250, 255, 0, 0), counts=(1, 0, 0, 1)),
    "an OPT cut short": with_header(ask() + OPT[:-1] + b"\x05", counts=(1, 0, 0, 1)),
    "an option that overruns": with_header(ask() + OPT[:-1] + b"\x06\0\x0a\0\x09ab", counts=(1, 0, 0, 1)),
    "too long": ask() + bytes(MAX_QUESTION),
}  # fmt: skip


@pytest.mark.parametrize("data", MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed_questions_get_a_bare_formerr(data):
    refusal = read_question(data)
    assert isinstance(refusal, Refusal)
    assert refusal.rcode is Rcode.FORMERR
    assert len(refusal.pack()) == 12


def test_the_longest_name_is_read():
    name = b"".join(bytes([63]) + b"a" * 63 for _ in range(3)) + bytes([61]) + b"a" * 61 + b"\0"
    assert len(name) == 255
    question = read_question(with_header(bytes(12) + name + b"\0\x01\0\x01", counts=(1, 0, 0, 0)))
    assert isinstance(question, Question)
