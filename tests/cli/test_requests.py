"""What is judged before a daemon is started for it."""

import pytest

from beam_actors.cli.requests import check_expose, expose_body
from beam_actors.errors import InvalidName, UsageError
from tests.control.fakes import OTHER, OWNER


def body(target="3000", *, name=None, port=None, allow=(), contest=False):
    return expose_body(target, name=name, port=port, allow=allow, contest=contest)


def test_a_request_says_what_was_typed_and_pasted():
    assert body("http://localhost:3000/", name="https://byron.local/x", allow=(OTHER,), contest=True) == {
        "target": "127.0.0.1:3000",
        "name": "byron.local",
        "port": None,
        "allow": [OTHER],
        "contest": True,
    }


def test_without_a_name_nothing_is_contested():
    with pytest.raises(UsageError, match="--name NAME"):
        body(contest=True)


@pytest.mark.parametrize(
    ("wanted", "error", "said"),
    [
        ({"port": 22}, UsageError, "--allow everyone"),
        ({"allow": (OTHER, "everyone")}, UsageError, "not both"),
        ({"allow": ("anna",)}, UsageError, "line `peer`"),
        ({"allow": (OWNER,)}, UsageError, "is the id of an owner"),
        ({"name": "-"}, InvalidName, "hyphens"),
        ({"name": "local"}, InvalidName, "reserved"),
        ({"name": "a.b.c"}, InvalidName, "NAME.OWNER"),
    ],
)
def test_what_no_daemon_would_grant_is_refused(wanted, error, said):
    with pytest.raises(error, match=said):
        check_expose(body(**wanted))


def test_what_a_daemon_may_grant_passes():
    for wanted in ({}, {"name": f"byron.{OWNER}"}, {"port": 22, "allow": ("everyone",)}, {"allow": (OTHER,)}):
        check_expose(body(**wanted))
