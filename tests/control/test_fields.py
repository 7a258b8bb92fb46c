import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors import __version__, errors
from beam_actors.control.fields import Fields, as_json, status_of, write_error, write_reply
from beam_actors.errors import UsageError
from tests.control.fakes import FakeNode
from tests.control.fuzz import fuzz_fields


def fields(**values):
    return Fields(json.dumps(values).encode())


def test_fields_are_taken_one_by_one():
    body = fields(a="x", b=7, c=True, d=["y", "z"], e=None)
    assert body.text("a") == "x"
    assert body.optional_port("b") == 7
    assert body.flag("c") is True
    assert body.texts("d") == ("y", "z")
    assert body.optional_text("e") is None
    body.done()


def test_absent_fields_have_their_defaults():
    body = Fields(b"")
    assert (body.optional_text("a"), body.optional_port("b"), body.flag("c"), body.texts("d")) == (
        None,
        None,
        False,
        (),
    )
    body.done()


def test_a_field_that_nobody_knows_is_refused_with_the_version():
    with pytest.raises(UsageError, match=__version__):
        fields(novel=1).done()


@pytest.mark.parametrize("value", ["", 1, ["x"], "x" * 513, "a\nb", "\x1b[31m", "a\u202eb"])
def test_bad_texts(value):
    with pytest.raises(UsageError, match="'a'"):
        fields(a=value).text("a")


@pytest.mark.parametrize("value", [0, -1, 65536, 1.5, "80", True, 10**15])
def test_bad_ports(value):
    with pytest.raises(UsageError, match="port"):
        fields(a=value).optional_port("a")


@pytest.mark.parametrize("value", [0, "true", []])
def test_bad_flags(value):
    with pytest.raises(UsageError, match="true"):
        fields(a=value).flag("a")


@pytest.mark.parametrize("value", ["x", {"x": 1}, [1], ["x"] * 257])
def test_bad_lists(value):
    with pytest.raises(UsageError):
        fields(a=value).texts("a")


@pytest.mark.parametrize(
    "body", [b"nope", b"[]", b'"x"', b"\xff", b'{"a":' + b"[" * 100_000, b"1" * 60_000, b'{"a": ' + b"9" * 5000 + b"}"]
)
def test_bad_bodies(body):
    with pytest.raises(UsageError):
        Fields(body)


@given(st.dictionaries(st.sampled_from(["target", "name", "port", "allow"]), st.text(max_size=20) | st.integers()))
def test_fuzz_fields(values):
    fuzz_fields(json.dumps(values).encode())


@given(st.binary(max_size=64))
def test_fuzz_fields_raw(data):
    fuzz_fields(data)


async def test_replies_say_their_schema_and_version():
    content = as_json((await FakeNode().tree()).root)
    reply = json.loads(write_reply(content))
    assert (reply["schema"], reply["version"]) == (1, __version__)
    assert [child["path"] for child in reply["children"]] == ["node/control", "node/core/x"]


def test_errors_carry_code_message_and_exit_code():
    assert json.loads(write_error("usage", "No.", 2))["error"] == {"code": "usage", "message": "No.", "exit_code": 2}


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.UsageError(), 400),
        (errors.InvalidName(), 400),
        (errors.NotAllowed(), 403),
        (errors.TunnelRefused(), 403),
        (errors.ClaimRefused("work"), 403),
        (errors.TunnelNotFound(), 404),
        (errors.ActorNotFound(), 404),
        (errors.NameNotFound(), 404),
        (errors.NameTaken(), 409),
        (errors.QuotaExceeded(), 429),
        (errors.PeerOffline(), 502),
        (errors.ActorUnavailable(), 503),
        (errors.TimedOut(), 504),
        (errors.AskTimeout(), 504),
        (errors.BeamError(), 500),
    ],
)
def test_http_statuses(error, status):
    assert status_of(error) == status
