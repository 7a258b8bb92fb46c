import struct

from hypothesis import example, given
from hypothesis import strategies as st

from tests.ingress import fuzz

labels = st.one_of(
    st.sampled_from(
        [b"local", b"LOCAL", b"localhost", b"ns", b"byronwade", b"a" * 63, b"\xff\x00", b"a" * 52, b"wpad"]
    ),
    st.binary(min_size=1, max_size=63),
)


@st.composite
def question_like(draw):
    """Mostly well-formed, so that the fuzzer gets behind the first check; then cut or flipped somewhere."""
    names = draw(st.lists(labels, max_size=6))
    name = b"".join(bytes([len(label)]) + label for label in names) + b"\0"
    counts = draw(st.sampled_from([(1, 0, 0, 0), (1, 0, 0, 1), (0, 0, 0, 0), (2, 0, 0, 0), (1, 0, 0, 2)]))
    flags = draw(st.sampled_from([0, 0x0100, 0x0110, 0x8000, 0x2800]))
    data = struct.pack("!HHHHHH", draw(st.integers(0, 0xFFFF)), flags, *counts) + name
    data += struct.pack(
        "!HH", draw(st.sampled_from([1, 2, 6, 16, 28, 41, 65, 252, 255, 4660])), draw(st.sampled_from([1, 3]))
    )
    if counts[3]:
        options = draw(st.binary(max_size=20))
        size = draw(st.sampled_from([0, 512, 1232, 4096]))
        data += struct.pack("!BHHIH", 0, 41, size, draw(st.sampled_from([0, 1 << 15, 1 << 16])), len(options)) + options
    if draw(st.booleans()) and data:
        at = draw(st.integers(0, len(data) - 1))
        data = data[:at] + bytes([draw(st.integers(0, 255))]) + data[at + 1 :]
    return data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data


@given(st.one_of(st.binary(max_size=300), question_like()))
@example(b"\0\1\0\0\0\1\0\0\0\0\0\0" + b"\xc0\x0c" + b"\0\1\0\1")  # a name that points to itself
@example(b"\0\1\0\0\0\1\0\0\0\0\0\0" + b"\xc0\x0c" * 32000)
def test_dns_question(data):
    fuzz.fuzz_dns_question(data)


@given(
    st.one_of(
        st.binary(max_size=60),
        st.lists(st.binary(max_size=9)).map(
            lambda parts: b"".join(len(part).to_bytes(2, "big") + part for part in parts)
        ),
    )
)
@example(b"\xff\xff")
def test_dns_framing(data):
    fuzz.fuzz_dns_framing(data)


lines = st.sampled_from([
    b"GET / HTTP/1.1", b"GET http://a.local/ HTTP/1.1", b"POST /x HTTP/1.0", b"Host: a.local", b"Host:b.local",
    b"Host : c",
    b"Content-Length: 5", b"Content-Length: 6", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked",
    b" folded", b"Accept: text/html", b"X: \x00", b"X: \xff", b"", b"PRI * HTTP/2.0",
])  # fmt: skip
breaks = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n"])


@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.tuples(lines, breaks)).map(lambda parts: b"".join(line + end for line, end in parts)),
    )
)
def test_request_head(data):
    fuzz.fuzz_request_head(data)
