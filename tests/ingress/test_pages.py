import pytest

from beam_actors import errors
from beam_actors.ingress.heads import BadHead
from beam_actors.ingress.page import OF_ANOTHER_HOME, Hop
from beam_actors.ingress.pages import Visit, misdirected, page_for, too_slow
from beam_actors.values import OwnerId
from tests.ingress.rig import OWNER, Choice

VISIT = Visit("byronwade.local")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (errors.NameNotFound(""), 404, "name-not-found"),
        (errors.InvalidName("no"), 404, "name-not-found"),
        (errors.NameHandedOver("To anna."), 404, "name-handed-over"),
        (errors.NameContested("Two claim it."), 409, "name-contested"),
        (errors.TunnelNotFound(""), 404, "tunnel-not-found"),
        (errors.TunnelRefused(""), 403, "tunnel-refused"),
        (errors.TargetDown(""), 502, "target-down"),
        (errors.PeerOffline(""), 504, "peer-offline"),
        (errors.TimedOut(""), 504, "timed-out"),
        (errors.AskTimeout(""), 504, "timed-out"),
        (errors.ConnectionLost(""), 502, "network-error"),
        (errors.RemoteProtocolError(""), 502, "protocol-error"),
        (errors.ResourceExhausted(""), 503, "resource-exhausted"),
        (errors.ActorUnavailable("secret path"), 503, "actor-unavailable"),
        (errors.StorageError("secret path"), 503, "storage-error"),
        (BadHead("Odd."), 400, "bad-request"),
        (BadHead("Long.", 431), 431, "bad-request"),
    ],
)
def test_each_error_has_its_status(error, status, code):
    page = page_for(error, VISIT)
    assert (page.status, page.code) == (status, code)
    assert page.message
    assert "secret" not in page.message + page.detail
    assert ("byronwade.local" in page.title) is (page.broke_at is not None)
    assert b"{" not in page.render()  # nothing was left to be filled in


@pytest.mark.parametrize("error", [errors.ResourceExhausted("Busy."), errors.ActorUnavailable("Restarting.")])
def test_what_passes_by_itself_says_when_to_ask_again(error):
    assert b"\r\nRetry-After: 3\r\n" in page_for(error, VISIT).render()
    assert b"Retry-After" not in page_for(errors.TargetDown("Down."), VISIT).render()


@pytest.mark.parametrize(
    ("error", "hop"),
    [
        (errors.NameNotFound(""), Hop.NAME),
        (errors.NameHandedOver(""), Hop.NAME),
        (errors.PeerOffline(""), Hop.MACHINE),
        (errors.TunnelRefused(""), Hop.MACHINE),
        (errors.TunnelNotFound(""), Hop.APP),
        (errors.RemoteProtocolError(""), Hop.MACHINE),
        (errors.TargetDown(""), Hop.APP),
        (errors.ActorUnavailable(""), None),
    ],
)
def test_it_is_said_how_far_the_request_came(error, hop):
    assert page_for(error, VISIT).broke_at is hop


def test_commands_are_for_the_name_that_was_asked_for():
    commands = [step.command for step in page_for(errors.NameNotFound("Nobody."), Visit("a.local")).steps]
    assert commands == ["", "beam peers", "beam 3000 --name a"]
    assert page_for(errors.PeerOffline("Gone."), Visit("a.local")).steps[-1].command == "beam ping a.local"


def test_what_the_daemon_said_is_a_detail():
    page = page_for(errors.PeerOffline("12D3KooW cannot be reached."), VISIT)
    assert page.detail == "12D3KooW cannot be reached."
    assert "12D3KooW" not in page.message


@pytest.mark.parametrize(
    ("visit", "url"),
    [
        (Visit("a.local"), "http://a.{}.local/"),
        (Visit("a.localhost", "https", 8443), "https://a.{}.localhost:8443/"),
    ],
)
def test_each_owner_of_a_contested_name_can_be_opened_or_pinned(visit, url):
    page = page_for(errors.NameContested("Two."), visit, [Choice(OWNER, equivocates=True), Choice(OwnerId(bytes(32)))])
    first, second = page.options
    assert (first.owner, first.equivocates) == (str(OWNER), True)
    assert first.url == url.format(OWNER)
    assert f"<b>{str(OWNER)[:8]}…</b>" in page.render(accept="text/html").decode()
    assert first.pin == f"beam pin a {OWNER}"
    assert first.since == "known here since 15 January 2027, 08:00 UTC"
    assert (second.owner, second.equivocates) == (str(OwnerId(bytes(32))), False)


def test_the_choices_are_bounded():
    many = [Choice(OwnerId(bytes([number] * 32))) for number in range(20)]
    assert len(page_for(errors.NameContested("Many."), VISIT, many).options) == 8


def test_a_request_that_went_astray_names_both_hosts():
    page = misdirected("b.local", "a.local")
    assert page.status == 421
    assert "a.local" in page.message
    assert "b.local" in page.message
    assert "evil.test" in misdirected("evil.test", "").message


def test_a_request_that_never_came():
    assert (too_slow().status, too_slow().code) == (408, "timed-out")


# --- a daemon of another home than the platform's ---

OTHER_HOME = Visit("a.local", program=OF_ANOTHER_HOME)


def test_commands_are_for_the_home_of_the_daemon_and_name_no_path():
    said = errors.NameContested("a is held by several owners; choose with `beam pin a OWNER`.")
    text = page_for(errors.NameNotFound("Nobody."), OTHER_HOME).render().decode()
    assert "\n    beam --home '<DIR>' peers\n" in text
    assert "\n    beam --home '<DIR>' 3000 --name a\n" in text
    assert text.count("<DIR> is the folder of this machine's Beam daemon") == 1
    page = page_for(said, OTHER_HOME, [Choice(OWNER)])
    text = page.render().decode()
    assert f"\n    beam --home '<DIR>' pin a {OWNER}\n" in text
    assert "\n    beam id\n" in text  # which is typed over there
    assert "beam --home &#x27;&lt;DIR&gt;&#x27; names conflicts" in page.render(accept="text/html").decode()
    assert "`beam --home '<DIR>' pin a OWNER`" in page_for(said, OTHER_HOME).render().decode()
    assert b"--home" not in page_for(said, OTHER_HOME).render(accept="application/json")


def test_a_page_without_commands_says_nothing_of_a_home():
    assert b"<DIR>" not in page_for(errors.ResourceExhausted("Busy."), OTHER_HOME).render()
    assert b"<DIR>" in page_for(errors.StorageError("x"), OTHER_HOME).render()


@pytest.mark.parametrize(
    ("error", "title", "said", "claim"),
    [
        (errors.NameGivenUp, "a.local was given up", "who has given it up", True),
        (errors.NameRevoked, "a.local is gone", "who has revoked all keys", True),
        (errors.NameUnheld, "a.local leads nowhere now", "who does not hold it now", False),
    ],
)
def test_the_page_of_a_pin_says_what_its_owner_did_and_doubts_no_spelling(error, title, said, claim):
    detail = "a is pinned to dvtw5qzq…, who let go; `beam unpin a` to let go."
    page = page_for(error(detail), Visit("a.local"))
    assert (page.status, page.code, page.title) == (404, "name-not-found", title)
    assert said in page.message
    assert "Somebody else" not in page.message
    assert all("spelled" not in step.text for step in page.steps)
    commands = [step.command for step in page.steps]
    assert commands == ["beam unpin a", "beam 3000 --name a" if claim else "beam peers"]
    other = page_for(error(detail), Visit("a.local"), [Choice(OWNER)])
    assert (
        other.message == f"{page.message} Somebody else holds it now. Whether that is whom you mean is for you to say."
    )
    assert (other.detail, "beam 3000 --name a" in [step.command for step in other.steps]) == (detail, False)
    assert [step.text for step in other.steps if "unpin" in step.command] == [
        "Let the pin go; the name leads to that owner then:"
    ]
    several = page_for(error(detail), Visit("a.local"), [Choice(OWNER), Choice(OwnerId(bytes(32)))])
    assert [step.text for step in several.steps if "unpin" in step.command] == [
        "Let the pin go; the usual rules choose among these owners then, if they can:"
    ]
    assert (other.options[0].url, other.options[0].pin) == (f"http://a.{OWNER}.local/", f"beam pin a {OWNER}")


def test_the_page_of_an_own_name_that_is_not_claimed_advises_nothing_that_is_refused():
    page = page_for(errors.NameUnclaimed("a is yours."), Visit("a.local"))
    assert (page.status, page.code, page.title) == (404, "name-not-found", "a.local is not claimed")
    assert [step.command for step in page.steps] == ["beam names"]


@pytest.mark.parametrize(
    ("error", "said"), [(errors.NameGivenUp, "has given that name up"), (errors.NameRevoked, "has revoked all keys")]
)
def test_the_page_of_a_petname_says_what_its_owner_did(error, said):
    page = page_for(error("So."), Visit("bb.local", petname=True))
    assert page.title == "bb.local leads nowhere now"
    assert said in page.message
    assert [step.command for step in page.steps] == ["beam names", "beam petname --forget bb"]


def test_the_page_of_a_petname_whose_owner_let_go_doubts_no_spelling():
    said = "bb stands for byron of dvtw5qzq…, who has released it; `beam petname --forget bb` to let go."
    page = page_for(errors.NameNotFound(said), Visit("bb.local", petname=True))
    assert (page.status, page.code) == (404, "name-not-found")
    assert page.title == "bb.local leads nowhere now"
    assert "holds the name no longer" in page.message
    assert page.detail == said
    assert all("spelled" not in step.text for step in page.steps)
    assert [step.command for step in page.steps] == ["beam names", "beam peers"]
