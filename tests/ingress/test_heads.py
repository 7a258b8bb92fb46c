import pytest

from beam_actors.ingress.heads import BadHead, Head, HeadReader


def read(data, **limits):
    reader = HeadReader(**{"max_bytes": 1000, "max_fields": 10, **limits})
    return reader.feed(data)


def status_of(data, **limits):
    with pytest.raises(BadHead) as caught:
        read(data, **limits)
    return caught.value.status


def get(*fields, line="GET /x?y HTTP/1.1"):
    return "\r\n".join([line, *fields, "", ""]).encode("latin-1")


def test_a_browser():
    head = read(get("Host: ByronWade.local:8443", "Accept: text/html,application/xhtml+xml;q=0.9", "accept: */*"))
    assert head == Head("GET", "/x?y", "byronwade.local", "text/html,application/xhtml+xml;q=0.9, */*", 8443)
    assert head.wants_html
    assert not read(get("Host: a.local", "Accept: application/json")).wants_html


def test_the_bytes_are_kept_as_they_came():
    reader = HeadReader(max_bytes=1000, max_fields=10)
    data = get("hOsT:   a.local  ", "X-Odd:\tvalue", "Content-Length: 4", line="POST / HTTP/1.1") + b"\x00\xffbo"
    for at in range(0, len(data), 7):
        head = reader.feed(data[at : at + 7])
        if head:
            break
    assert head.host == "a.local"
    assert data.startswith(reader.received)
    assert reader.received.endswith(b"\r\n\r\n") or reader.received[-1:] in b"\x00\xffbo"


@pytest.mark.parametrize(
    "request_",
    [
        get("Host: a.local", "Upgrade: websocket", "Connection: upgrade"),
        get("Host: a.local", "Transfer-Encoding: Chunked", line="POST / HTTP/1.1"),
        get("Host: a.local.", line="GET http://A.local/x HTTP/1.1"),
        get("Host: a.local", line="GET https://a.local:8443/x HTTP/1.1"),
        get("Host: a.local", line="OPTIONS * HTTP/1.1"),
        get("Host: a.local", line="GET / HTTP/1.0"),
        get("Host: a.local", "Cookie: \xe9"),
    ],
)
def test_what_passes(request_):
    assert read(request_).host == "a.local"


BAD = {
    "content length and transfer encoding": get("Host: a.local", "Content-Length: 5", "Transfer-Encoding: chunked"),
    "transfer encoding in HTTP/1.0": get("Host: a.local", "Transfer-Encoding: chunked", line="POST / HTTP/1.0"),
    "two content lengths": get("Host: a.local", "Content-Length: 5", "Content-Length: 6"),
    "two equal content lengths": get("Host: a.local", "Content-Length: 5", "Content-Length: 5"),
    "a list of lengths": get("Host: a.local", "Content-Length: 5, 5"),
    "a signed length": get("Host: a.local", "Content-Length: +5"),
    "a negative length": get("Host: a.local", "Content-Length: -1"),
    "no host": get("Accept: */*"),
    "no host in HTTP/1.0": get("Accept: */*", line="GET / HTTP/1.0"),
    "an empty host": get("Host: "),
    "two hosts": get("Host: a.local", "Host: a.local"),
    "a host with a user": get("Host: x@a.local"),
    "a host with a path": get("Host: a.local/b"),
    "an IPv6 host": get("Host: [::1]:8480"),
    "a host of a dot": get("Host: ."),
    "a host with two dots at its end": get("Host: a.local.."),
    "a host with an empty label": get("Host: a..local"),
    "a host that begins with a dot": get("Host: .a.local"),
    "a port that is none": get("Host: a.local:65536"),
    "a port that is none in the target": get("Host: a.local", line="GET http://a.local:65536/ HTTP/1.1"),
    "two dots in the target": get("Host: a.local", line="GET http://a.local../ HTTP/1.1"),
    "another host in the target": get("Host: a.local", line="GET http://b.local/ HTTP/1.1"),
    "a user in the target": get("Host: a.local", line="GET http://x@a.local/ HTTP/1.1"),
    "another scheme": get("Host: a.local", line="GET ftp://a.local/ HTTP/1.1"),
    "a target without a slash": get("Host: a.local", line="GET x HTTP/1.1"),
    "a broken target": get("Host: a.local", line="GET http://[a/ HTTP/1.1"),
    "a star with GET": get("Host: a.local", line="GET * HTTP/1.1"),
    "space before the colon": get("Host : a.local"),
    "a folded line": get("Host: a.local", "X: a", " b"),
    "a folded first field": get(" Host: a.local"),
    "bare line feeds": b"GET / HTTP/1.1\nHost: a.local\n\n",
    "one bare line feed": b"GET / HTTP/1.1\r\nHost: a.local\nX: y\r\n\r\n",
    "a bare carriage return": b"GET / HTTP/1.1\r\nHost: a.local\rX: y\r\n\r\n",
    "a NUL": get("Host: a.local", "X: \0"),
    "an empty line first": b"\r\n" + get("Host: a.local"),
    "no method": get("Host: a.local", line="/ HTTP/1.1"),
    "HTTP/0.9": get("Host: a.local", line="GET /"),
    "a TLS hello": bytes.fromhex("1603010200010001fc0303"),
    "the end of the connection": b"",
}


@pytest.mark.parametrize("data", BAD.values(), ids=BAD.keys())
def test_what_is_refused(data):
    assert status_of(data) == 400


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (get("Host: a.local", "Transfer-Encoding: gzip, chunked"), 501),
        (get("Host: a.local", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked"), 501),
        (get("Host: a.local", "Transfer-Encoding: xchunked"), 501),
        (get("Host: a.local:443", line="CONNECT a.local:443 HTTP/1.1"), 405),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        (get("Host: a.local", *[f"X-{n}: y" for n in range(10)]), 431),
        (get("Host: a.local", "X: " + "y" * 1000), 431),
        (b"GET /" + b"x" * 995, 431),
    ],
)
def test_what_is_refused_otherwise(data, status):
    assert status_of(data) == status


def test_limits_are_exact():
    head = get("Host: a.local")
    assert read(head, max_bytes=len(head), max_fields=1)
    assert status_of(head, max_bytes=len(head) - 1) == 431
    assert read(head + b"body", max_bytes=len(head))
    assert status_of(get("Host: a.local", "X: y"), max_fields=1) == 431


def test_a_refusal_remembers_what_the_client_accepts():
    with pytest.raises(BadHead) as caught:
        read(get("Host: a.local", "Accept: text/html", line="CONNECT a:1 HTTP/1.1"))
    assert caught.value.accept == "text/html"


def test_a_refusal_remembers_the_method():
    with pytest.raises(BadHead) as caught:
        read(get("Host: a b", line="HEAD / HTTP/1.1"))
    assert caught.value.method == "HEAD"


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (get("Accept: */*"), "exactly one Host"),
        (get("Host: a.local", "Host: a.local"), "exactly one Host"),
        (get("Host: a.local", "Transfer-Encoding: gzip, chunked"), "other than chunked"),
        (get("Host: a.local", "Content-Length: 5", "Content-Length: 6"), "ambiguous Content-Length"),
        (get("Host: a.local", "Content-Length: 5", "Transfer-Encoding: chunked"), "in two ways"),
        (get("Host: a.local", line="GET / HTTP/9.9"), "Only HTTP/1.1"),
        (get("Host: a.local", line="GET  / HTTP/1.1"), "not HTTP/1.1"),
    ],
)
def test_a_refusal_says_what_is_wrong(data, sentence):
    with pytest.raises(BadHead, match=sentence):
        read(data)


def test_the_greatest_port():
    assert read(get("Host: a.local:65535")).port == 65535
    assert read(get("Host: a.local:")).port is None


def test_a_break_between_two_reads_is_no_bare_one():
    reader = HeadReader(max_bytes=1000, max_fields=10)
    assert reader.feed(b"GET / HTTP/1.1\r") is None
    assert reader.feed(b"\nHost: a.local\r") is None
    assert reader.missing == 1000 - 30
    assert reader.feed(b"\n\r\n").host == "a.local"
    other = HeadReader(max_bytes=1000, max_fields=10)
    assert other.feed(b"GET / HTTP/1.1\r") is None
    with pytest.raises(BadHead):
        other.feed(b"Host: a.local\r\n\r\n")
