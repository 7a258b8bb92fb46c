import pytest
from dnslib import QTYPE, RR, A, DNSHeader, DNSQuestion, DNSRecord
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.ingress.mdns import MAX_RESPONSE, Answer, question, read_answer

QUESTION = question("printer", 0x1234)


def response(*records, ident=0x1234, flags=0x8400):
    return DNSRecord(DNSHeader(id=ident, bitmap=flags), questions=[], rr=list(records)).pack()


def address(name="Printer.LOCAL", ip="192.168.1.9", ttl=120, rclass=0x8001):
    return RR(name, QTYPE.A, rclass=rclass, ttl=ttl, rdata=A(ip))


def test_a_question_is_an_ordinary_one():
    parsed = DNSRecord.parse(QUESTION)
    assert (parsed.header.id, parsed.header.qr, parsed.header.rd) == (0x1234, 0, 0)
    assert parsed.questions == [DNSQuestion("printer.local", QTYPE.A)]


@pytest.mark.parametrize("rclass", [0x8001, 1])
def test_an_answer(rclass):
    assert read_answer(response(address(rclass=rclass))) == Answer(0x1234, "printer", "192.168.1.9", 120)
    assert read_answer(response(address("x.y.local"), address())) == Answer(0x1234, "printer", "192.168.1.9", 120)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        QUESTION,
        response(),
        response(address("printer.localhost")),
        response(address("local")),
        response(address("a.printer.local")),
        response(address(rclass=3)),
        response(address(), flags=0x8403),
        response(address(), flags=0xA400),
        response(address(), flags=0x0400),
        response(*[address()] * 33),
        response(address())[:-1],
        response(address()) + bytes(MAX_RESPONSE),
        *(response(address(ip=ip)) for ip in ("127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255")),
    ],
)
def test_what_is_no_answer(data):
    assert read_answer(data) is None


def test_names_that_point_at_each_other_end():
    pointers = b"".join((0xC000 | 12 + 2 * max(0, index - 1)).to_bytes(2, "big") for index in range(700))
    assert read_answer(bytes.fromhex("12348400000000010000" + "0000") + pointers) is None


@given(st.binary(max_size=1500) | st.binary(max_size=200).map(lambda tail: response(address())[:12] + tail))
def test_nothing_but_an_answer_comes_out(data):
    found = read_answer(data)
    assert found is None or (found.label == found.label.lower() and 0 <= found.id < 1 << 16)


@given(st.data())
def test_near_an_answer(data):
    good = bytearray(response(address()))
    good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    read_answer(bytes(good))
