import pytest

from beam_actors.errors import (
    NameContested,
    NameGivenUp,
    NameHandedOver,
    NameNotFound,
    NameRevoked,
    NameUnclaimed,
    NameUnheld,
)
from beam_actors.naming import answering
from beam_actors.naming.claim import Kind
from beam_actors.naming.conflicts import claimants, conflicts
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import DAY, HOUR, RETENTION
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, crowd, owner_id, peer, revocation
from tests.naming.tables import knowledge

ALICE = Name("alice")


def resolve(known, text="alice", now=NOW, **more):
    owner = more.pop("owner", None)
    return answering.resolve(known, Query(Name(text), owner), now, **more)


def test_a_sole_claim_answers_with_its_age():
    answer = resolve(knowledge(claim(0)), now=NOW + 60)
    assert (answer.owner, answer.peers, answer.source, answer.age_s, answer.since) == (
        owner_id(0),
        (peer(0),),
        "registry",
        60,
        NOW,
    )
    assert resolve(knowledge(claim(0)), now=NOW + HOUR + 1).source == "cache"
    with pytest.raises(NameNotFound, match="Nobody"):
        resolve(knowledge())


def test_a_contested_name_fails_and_the_long_form_does_not():
    known = knowledge(claim(0), claim(1))
    with pytest.raises(NameContested, match=str(owner_id(1))):
        resolve(known)
    assert resolve(known, owner=owner_id(1)).owner == owner_id(1)
    with pytest.raises(NameNotFound):
        resolve(known, owner=owner_id(2))


def test_an_own_name_answers_at_home_whoever_contests_it():
    known = knowledge(claim(0), claim(3))
    known.reserve(ALICE, contest=True, now=NOW)
    answer = resolve(known, now=NOW + DAY)
    assert (answer.owner, answer.source, answer.age_s) == (owner_id(3), "own", 0)
    assert resolve(known, owner=owner_id(3)).source == "own"


def test_a_pin_answers_or_fails_but_never_gives_way():
    known = knowledge(claim(0, valid=DAY), claim(1))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    assert (resolve(known).owner, resolve(known).source) == (owner_id(0), "pin")
    with pytest.raises(NameNotFound, match="let the claim end"):
        resolve(known, now=NOW + DAY + 1)
    assert resolve(known, now=NOW + DAY + 1, cut_off=True).owner == owner_id(0)
    known.take(claim(0, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)
    with pytest.raises(NameNotFound, match="has released it"):
        resolve(known)
    known.take(revocation(0).encoded, NOW)
    with pytest.raises(NameRevoked, match="revoked"):
        resolve(known)
    known.bindings.unpin(ALICE)
    assert resolve(known).owner == owner_id(1)
    with pytest.raises(NameNotFound, match="not pinned"):
        known.bindings.unpin(ALICE)


def test_a_petname_answers_or_fails_but_never_gives_way():
    known = knowledge(claim(0, valid=DAY), claim(1), claim(1, "anna"))
    anna = Name("anna")
    known.call(anna, ALICE, owner_id(0), NOW)

    def led(**more):
        return answering.resolve(known, Query(anna), more.pop("now", NOW), **more)

    assert (led().name, led().owner, led().source) == (ALICE, owner_id(0), "petname")
    assert answering.meaning(known, Query(anna)) == Query(ALICE, owner_id(0))
    assert answering.meaning(known, Query(anna, owner_id(1))) == Query(anna, owner_id(1))
    in_full = answering.resolve(known, Query(anna, owner_id(1)), NOW)
    assert in_full.source == "registry"  # the full form means what it says
    with pytest.raises(NameUnheld, match=r"anna is your petname for alice of .* who let the claim end"):
        led(now=NOW + DAY + 1)
    assert led(now=NOW + DAY + 1, cut_off=True).owner == owner_id(0)
    known.take(claim(0, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)
    assert set(known.elsewhere()) == {anna}  # who keeps answers must know that this one is over
    with pytest.raises(NameGivenUp, match="has released it; `beam petname --forget anna`"):
        led()
    known.take(revocation(0).encoded, NOW)
    assert set(known.elsewhere()) == {ALICE, anna}
    with pytest.raises(NameRevoked, match="revoked"):
        led()
    known.bindings.forget_petname(anna)
    assert led().owner == owner_id(1)


def test_an_own_name_that_no_claim_is_for_says_that_it_is_ones_own():
    known = knowledge(owner=0)
    known.reserve(ALICE, contest=False, now=NOW)
    known.publish(claim(0), NOW)
    assert resolve(known).source == "own"
    known.take(claim(0, "bob", era=1).encoded, NOW)  # by another machine, which has the later key
    with pytest.raises(NameUnclaimed, match=r"^alice is yours, but no claim for it counts now; `beam names` says why"):
        resolve(known)
    with pytest.raises(NameNotFound, match="is not known to hold alice now"):
        answering.resolve(known, Query(ALICE, owner_id(0)), NOW)


def test_a_pin_of_somebody_unknown_waits_for_them():
    known = knowledge(claim(1))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    with pytest.raises(NameUnheld, match="no present claim"):
        resolve(known)
    (other,) = claimants(known, ALICE, NOW)  # is no conflict, and no choice of this machine's
    assert (other.owner, other.relation, other.used) == (owner_id(1), "other", False)
    assert conflicts(known, NOW) == ()
    known.take(claim(0).encoded, NOW)
    assert resolve(known).owner == owner_id(0)
    assert known.bindings.pins[ALICE].mark == claim(0).id


def test_a_name_that_changes_hands_says_so_until_its_heir_registers_it():
    transfer = claim(0, era=1, kind=Kind.TRANSFER, to=1)
    known, heir, friend = knowledge(transfer), knowledge(transfer, owner=1), knowledge(claim(0))
    friend.bindings.pin(ALICE, owner_id(0), NOW)
    friend.take(transfer.encoded, NOW)
    with pytest.raises(
        NameHandedOver, match=f"^{owner_id(0)} says that alice goes to {owner_id(1)}: it leads there once"
    ):
        resolve(known)
    with pytest.raises(
        NameHandedOver, match=f"^{owner_id(0)} says that alice is yours now: `beam register alice` takes it"
    ):
        resolve(heir)
    with pytest.raises(NameHandedOver, match="is pinned to"):
        resolve(friend)
    with pytest.raises(NameNotFound, match="Nobody is known"):
        resolve(known, now=transfer.not_after + 1)
    known.take(claim(2).encoded, NOW)  # whoever claims it meanwhile has it
    assert resolve(known).owner == owner_id(2)
    known = knowledge(transfer, claim(1))
    assert resolve(known).owner == owner_id(1)
    known.take(claim(1, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)  # who had it, and gave it up
    with pytest.raises(NameNotFound, match="Nobody is known"):
        resolve(known)


LATER = NOW + HOUR
OLD_TOMBSTONE = claim(1, kind=Kind.TOMBSTONE)
LATE_TRANSFER = claim(0, era=1, kind=Kind.TRANSFER, to=1, issued=LATER)


@pytest.mark.parametrize("before", [OLD_TOMBSTONE, claim(1, valid=60)], ids=["released", "ended"])
@pytest.mark.parametrize("bound", ["nothing", "pin", "petname"])
def test_a_name_that_comes_back_to_whoever_had_given_it_up_says_so(before, bound):
    """The heir held it once: what was said then is no answer to a transfer since."""

    def told(owner):
        known = knowledge(before, claim(0), owner=owner)
        if bound == "pin":
            known.bindings.pin(ALICE, owner_id(0), NOW)
        if bound == "petname":
            known.call(Name("anna"), ALICE, owner_id(0), NOW)
        known.take(LATE_TRANSFER.encoded, LATER)
        return known, "anna" if bound == "petname" else "alice"

    heir, text = told(1)
    with pytest.raises(NameHandedOver, match=r"says that (alice|it) is yours now: `beam register alice` takes it"):
        resolve(heir, text, LATER)
    other, text = told(2)
    with pytest.raises(NameHandedOver, match=r"(over|goes) to .*: it leads there once they register it") as caught:
        resolve(other, text, LATER)
    assert owner_id(1).short.removesuffix("…") in str(caught.value)
    with pytest.raises(NameNotFound) as late:
        resolve(other, text, LATE_TRANSFER.not_after + 1)
    assert not isinstance(late.value, NameHandedOver)
    other.take(claim(1, seq=2, issued=LATER + 1).encoded, LATER + 1)
    assert resolve(other, text, LATER + 1).owner == owner_id(1)
    other.take(claim(1, seq=3, kind=Kind.TOMBSTONE, issued=LATER + 2).encoded, LATER + 2)  # that is an answer
    with pytest.raises(NameNotFound) as again:
        resolve(other, text, LATER + 2)
    assert not isinstance(again.value, NameHandedOver)


def test_a_name_that_was_handed_there_and_back_waits_for_the_last_heir_alone():
    known = knowledge(claim(0, era=1, kind=Kind.TRANSFER, to=1))
    known.take(claim(1, era=1, kind=Kind.TRANSFER, to=0, issued=LATER).encoded, LATER)
    with pytest.raises(NameHandedOver, match=f"to {owner_id(0)}: it leads there once"):
        resolve(known, now=LATER)


def test_whoever_hands_over_what_they_never_held_is_quoted_and_not_believed():
    """Anybody can sign such a transfer, so no word of this node's own says that the name was theirs."""
    gift = claim(3, era=1, kind=Kind.TRANSFER, to=1, issued=LATER)
    for owner in (1, 2):
        known = knowledge(OLD_TOMBSTONE, owner=owner)
        known.take(gift.encoded, LATER)
        known.call(Name("anna"), ALICE, owner_id(1), NOW)
        for text in ("alice", "anna"):
            with pytest.raises(NameHandedOver, match=f"{owner_id(3)} says that ") as caught:
                resolve(known, text, LATER)
            assert "handed" not in str(caught.value)


def test_how_far_it_is_known_who_holds_a_name():
    def standing(*claims, pinned=None, own=False, ran=0, late=(), now=NOW):
        known = knowledge(*claims)
        if pinned is not None:
            known.bindings.pin(ALICE, owner_id(pinned), NOW)
        if own:
            known.reserve(ALICE, contest=True, now=NOW)
        known.ran(ran)
        for one in late:
            known.take(one.encoded, NOW)
        found = answering.standing(known, ALICE, now)
        return found.certainty, {number for number in range(4) if owner_id(number) in found.owners}

    assert standing() == ("open", set())
    assert standing(claim(0, kind=Kind.TOMBSTONE)) == ("open", set())
    assert standing(claim(0, valid=5), now=NOW + 6) == ("open", set())
    assert standing(claim(0)) == ("sole", {0})
    assert standing(claim(0), now=NOW + DAY) == ("sole", {0})  # from the cache
    assert standing(claim(0), claim(1)) == ("firm", {0, 1})
    assert standing(claim(0), ran=73 * HOUR, late=[claim(1)]) == ("firm", {0, 1})
    assert standing(claim(0), pinned=0) == ("firm", {0})
    assert standing(claim(0), pinned=1) == ("open", {0})  # of the pinned owner nothing is known
    assert standing(claim(3), own=True) == ("firm", {3})


def test_held_names():
    known = knowledge(claim(0))
    known.reserve(Name("mine"), contest=False, now=NOW)
    known.bindings.pin(ALICE, owner_id(0), NOW)
    held = answering.held(known, NOW)
    assert [(one.name.label, one.relation, one.peers) for one in held] == [
        ("alice", "pin", (peer(0),)),
        ("mine", "own", ()),
    ]
    assert held[0].expires == NOW + 30 * DAY
    known.bindings.pin(Name("dave"), owner_id(0), NOW)
    known.reserve(Name("dave"), contest=False, now=NOW)
    assert [(one.name.label, one.relation) for one in answering.held(known, NOW)][1:3] == [
        ("dave", "own"),
        ("dave", "pin"),
    ]


def test_of_very_many_owners_the_first_are_named():
    many = crowd(12)
    with pytest.raises(NameContested) as raised:
        answering.resolve(knowledge(*many), Query(ALICE), NOW)
    named = [one.owner for one in many if str(one.owner) in str(raised.value)]
    assert sorted(named) == sorted(one.owner for one in many)[:8]
    assert "and 4 more" in str(raised.value)


def test_a_bound_name_that_its_owner_gave_up_is_marked_so_and_who_else_holds_it_is_named():
    known, anna = knowledge(claim(0), claim(0, "bob"), claim(2)), Name("anna")
    for name in (ALICE, Name("bob")):
        known.bindings.pin(name, owner_id(0), NOW)
    known.call(anna, ALICE, owner_id(0), NOW)
    assert not any(one.given_up for one in answering.held(known, NOW))
    known.take(claim(0, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)
    assert {str(one.name): one.given_up for one in answering.held(known, NOW)} == {
        "alice": True, "anna": True, "bob": False,
    }  # fmt: skip
    with pytest.raises(NameGivenUp, match=rf"`beam unpin alice` to let go. It is held by {owner_id(2)} now.$"):
        resolve(known)
    with pytest.raises(NameGivenUp, match=r"to let go\.$"):  # a petname means one owner, whoever comes
        resolve(known, "anna")
    with pytest.raises(NameGivenUp, match=r"to let go\.$"):
        resolve(known, now=NOW + 40 * DAY)
    known.take(revocation(0).encoded, NOW)
    assert not any(one.given_up for one in answering.held(known, NOW))
    with pytest.raises(NameRevoked, match=rf"`beam unpin alice`. It is held by {owner_id(2)} now.$"):
        resolve(known)


def test_a_name_that_another_owner_claims_too_is_marked_as_contested():
    known = knowledge(
        *(claim(2, name) for name in ("alice", "bob", "carol")),
        *(claim(1, name) for name in ("carol", "erin", "frank")),
        claim(2, "erin", kind=Kind.TOMBSTONE),
        owner=0,
    )
    known.reserve(ALICE, contest=True, now=NOW)  # while the work for its own claim is done
    known.reserve(Name("dave"), contest=False, now=NOW)
    for name, owner in (("bob", 2), ("carol", 2), ("erin", 2), ("frank", 2)):  # who gave one up, and never had one
        known.bindings.pin(Name(name), owner_id(owner), NOW)
    known.call(Name("ann"), Name("carol"), owner_id(2), NOW)
    assert {str(one.name): one.contested for one in answering.held(known, NOW)} == {
        "alice": True, "ann": False, "bob": False, "carol": True, "dave": False, "erin": False, "frank": False,
    }  # fmt: skip
    assert [one.name.label for one in conflicts(known, NOW)] == ["carol"]
    assert not any(one.contested for one in answering.held(known, NOW + RETENTION))
    known.take(claim(0, "gail", era=1).encoded, NOW)  # by another machine: this one's key signs no more
    assert [one.name.label for one in answering.held(known, NOW) if one.contested] == ["carol"]
