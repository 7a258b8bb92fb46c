import h11
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from beam_actors.control.http import Ended, HttpConversation, Refusal, Request
from beam_actors.control.limits import ControlLimits
from beam_actors.errors import LocalProtocolError
from tests.control.fuzz import fuzz_http

LIMITS = ControlLimits(head_bytes=1024, body_bytes=64)


def request(line="GET /v1/id HTTP/1.1", *headers, host="Host: beam", body=b""):
    lines = [line, *([host] if host else []), *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def fed(*pieces):
    http = HttpConversation(LIMITS)
    for piece in pieces:
        http.receive(piece)
    return http


def parsed(data):
    client = h11.Connection(h11.CLIENT)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "beam")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    client.receive_data(b"")
    response, body = client.next_event(), b""
    while isinstance(event := client.next_event(), h11.Data):
        body += event.data
    assert isinstance(event, h11.EndOfMessage)
    return response, body


def test_a_request_arrives_whole():
    http = fed(request("POST /v1/ping?x=1 HTTP/1.1", "Content-Length: 2", body=b"{}"))
    assert http.next_event() == Request("POST", "/v1/ping", b"{}")


def test_a_request_may_arrive_byte_by_byte():
    data = request("POST /v1/ping HTTP/1.1", "Content-Length: 2", body=b"{}")
    http = HttpConversation(LIMITS)
    assert not http.midway
    for index in range(len(data)):
        assert http.next_event() is None
        http.receive(data[index : index + 1])
        assert http.midway
    assert http.next_event() == Request("POST", "/v1/ping", b"{}")
    assert not http.midway


def test_a_chunked_body_is_joined():
    http = fed(request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n"))
    assert http.next_event() == Request("POST", "/", b"{}")


@pytest.mark.parametrize(
    "headers",
    [
        ("Origin: http://evil.test",),
        ("Origin: null",),
        ("Referer: http://evil.test/page",),
        ("origin: http://beam",),
    ],
)
def test_a_browsers_request_is_refused(headers):
    event = fed(request("GET /v1/id HTTP/1.1", *headers)).next_event()
    assert isinstance(event, Refusal)
    assert event.status == 403


@pytest.mark.parametrize("host", ["Host: evil.test", "Host: beam.evil.test", "Host: BEAM", "Host: beam:80", "Host:"])
def test_a_wrong_host_is_refused(host):
    event = fed(request(host=host)).next_event()
    assert isinstance(event, Refusal)
    assert event.status in {400, 421}


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_a_missing_host_is_refused(version):
    event = fed(request(f"GET / HTTP/{version}", host=None)).next_event()
    assert isinstance(event, Refusal)


def test_two_hosts_are_refused():
    assert isinstance(fed(request("GET / HTTP/1.1", "Host: beam")).next_event(), Refusal)


def test_both_framings_at_once_do_not_smuggle():
    data = request("POST / HTTP/1.1", "Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET / HT")
    http = fed(data)
    event = http.next_event()
    assert isinstance(event, Refusal) or event.body == b""


@pytest.mark.parametrize("more", [0, 1])
@pytest.mark.parametrize("before", [b"", request("POST /v1/ping HTTP/1.1", "Content-Length: 2", body=b"{}")])
@pytest.mark.parametrize("after", [b"", request()])
def test_a_long_head_is_refused_though_it_came_at_once(before, after, more):
    length = LIMITS.head_bytes - len(request("GET /v1/id HTTP/1.1", "X: ")) + more
    http = fed(before + request("GET /v1/id HTTP/1.1", "X: " + "y" * length) + after)
    if before:
        assert isinstance(http.next_event(), Request)
        http.reply(200, b"{}")
        http.next_cycle()
    event = http.next_event()
    assert isinstance(event, Refusal if more else Request)
    assert not more or event.status == 431


def test_a_long_head_is_refused_before_it_ends():
    event = fed(b"GET / HTTP/1.1\r\nHost: beam\r\nX: " + b"a" * 2000).next_event()
    assert isinstance(event, Refusal)
    assert event.status == 431


def test_a_long_body_is_refused_by_its_announcement():
    event = fed(request("POST / HTTP/1.1", "Content-Length: 65")).next_event()
    assert isinstance(event, Refusal)
    assert event.status == 413


def test_a_long_chunked_body_is_refused_while_it_comes():
    event = fed(request("POST / HTTP/1.1", "Transfer-Encoding: chunked", body=b"50\r\n" + b"x" * 0x50)).next_event()
    assert isinstance(event, Refusal)
    assert event.status == 413


def test_a_refusal_is_answered_and_closes():
    http = fed(b"\x16\x03\x01 this is TLS\r\n\r\n")
    event = http.next_event()
    assert isinstance(event, Refusal)
    response, body = parsed(http.reply(event.status, b"{}"))
    assert response.status_code == 400
    assert (b"connection", b"close") in response.headers
    assert body == b"{}"
    assert not http.reusable
    http.receive(request())
    assert http.next_event() is Ended.ENDED


def test_pipelined_requests_are_answered_in_turn():
    http = fed(request("GET /a HTTP/1.1") + request("GET /b HTTP/1.1"))
    assert http.next_event() == Request("GET", "/a", b"")
    assert http.next_event() is None
    http.reply(200, b"{}")
    assert http.reusable
    http.next_cycle()
    assert http.midway
    assert http.next_event() == Request("GET", "/b", b"")


def test_a_client_that_wants_to_close_is_not_reused():
    http = fed(request("GET / HTTP/1.1", "Connection: close"))
    http.next_event()
    http.reply(200, b"{}")
    assert not http.reusable


def test_head_is_answered_without_a_body():
    http = fed(request("HEAD /v1/id HTTP/1.1"))
    assert http.next_event() == Request("HEAD", "/v1/id", b"")
    assert http.reply(400, b"{}").endswith(b"\r\n\r\n")


def test_the_end_between_requests_is_clean():
    assert fed(b"").next_event() is Ended.ENDED


def test_the_end_inside_a_request_is_a_refusal():
    assert isinstance(fed(request()[:-2], b"").next_event(), Refusal)


def test_a_stream_of_lines():
    http = fed(request())
    http.next_event()
    data = http.begin_stream() + http.line(b'{"a":1}') + http.line(b'{"b":2}') + http.end_stream()
    response, body = parsed(data)
    assert response.status_code == 200
    assert body == b'{"a":1}\n{"b":2}\n'
    assert not http.reusable


def test_an_answer_out_of_turn_is_a_bug_here():
    http = fed(request())
    http.next_event()
    http.reply(200, b"{}")
    with pytest.raises(LocalProtocolError):
        http.reply(200, b"{}")


SHARDS = st.sampled_from(
    [
        b"GET / HTTP/1.1\r\n",
        b"HEAD / HTTP/1.0\r\n",
        b"POST /v1/x HTTP/1.1\r\n",
        b"CONNECT a:1 HTTP/1.1\r\n",
        b"Host: beam\r\n",
        b"Origin: x\r\n",
        b"Content-Length: 3\r\n",
        b"Transfer-Encoding: chunked\r\n",
        b"Upgrade: h2c\r\nConnection: upgrade\r\n",
        b"Expect: 100-continue\r\n",
        b"Connection: close\r\n",
        b"\r\n",
        b"3\r\nabc\r\n",
        b"0\r\n\r\n",
        b"abc",
    ]
)


@given(st.lists(SHARDS | st.binary(max_size=8), max_size=16).map(b"".join))
@example(b"HEAD / HTTP/1.0\r\n\r\n")  # refused before its end, and still answered without a body
def test_fuzz_http(data):
    fuzz_http(data)
