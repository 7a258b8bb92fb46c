import pytest

from beam_actors.errors import NameContested, NameHandedOver, NameNotFound, NameTaken
from beam_actors.naming import answering, claim_rows, records
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.grammar import Query
from beam_actors.naming.holds import Seen
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import DAY, HOUR, RETENTION, Limits
from beam_actors.naming.work import Levels
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, NOW, claim, crowd, owner_id, peer, proved, revocation, solved
from tests.naming.tables import Tables, knowledge

ALICE = Name("alice")


def resolve(known, text="alice", now=NOW, **more):
    owner = more.pop("owner", None)
    return answering.resolve(known, Query(Name(text), owner), now, **more)


def test_refusals_are_counted_by_reason():
    known = knowledge()
    for data in (b"", b"\x00" * 2000, claim(network="other").encoded, claim(issued=NOW - 31 * DAY).encoded):
        assert known.take(data, NOW + 5) is None
    assert known.refused == {"form": 1, "size": 1, "network": 1, "expired": 1}
    assert known.changes() == []


def test_hearing_again_refreshes_and_is_written_rarely():
    known, tables = knowledge(claim()), Tables()
    tables.apply(known)
    assert known.take(claim().encoded, NOW + HOUR) is None
    assert known.changes() == []
    assert resolve(known, now=NOW + HOUR).age_s == 0
    assert known.confirm([claim().id, bytes(32)], NOW + 7 * HOUR, most=9) == 1
    assert len(known.changes()) == 1
    assert known.seen(claim()) == Seen(NOW, NOW + 7 * HOUR, alone=1)


def test_a_list_that_was_confirmed_a_moment_ago_costs_nothing():
    known = knowledge(claim())
    known.confirm([claim().id], NOW + 59, most=9)
    assert known.seen(claim()).heard == NOW
    known.confirm([claim().id], NOW + 60, most=9)
    assert known.seen(claim()).heard == NOW + 60
    known.confirm([claim().id], NOW - DAY, most=9)  # the clock was ahead
    assert known.seen(claim()).heard == NOW - DAY


def test_a_long_list_is_confirmed_at_once_and_written_bit_by_bit():
    many = [
        claim(owner, f"{word}{number}", kind=kind)
        for owner in range(4)
        for word, count, kind in (("n", 16, Kind.LIVE), ("t", 60, Kind.TOMBSTONE))
        for number in range(count)
    ]
    known, tables = knowledge(*many), Tables()
    tables.apply(known)
    ids, later = [one.id for one in many], NOW + 7 * HOUR
    for expected in (256, len(many) - 256, 0):
        later += 60
        assert known.confirm(ids, later, most=256) == expected
        assert {known.seen(one).heard for one in many} == {later}
        assert len(known.changes()) == expected


def test_an_early_claim_waits_for_its_time():
    known = knowledge(claim(), now=NOW - HOUR)
    assert len(known.waiting) == 1
    assert known.wake(NOW - HOUR) == []
    assert known.wake(NOW) == [claim()]
    assert known.waiting == {}
    assert resolve(known).owner == owner_id(0)


def test_an_own_and_a_pinned_claim_are_not_forgotten():
    known = knowledge(claim(0), claim(1), claim(3), claim(1, "bob"))
    known.reserve(ALICE, contest=True, now=NOW)
    known.bindings.pin(ALICE, owner_id(1), NOW)
    known.take(claim(2, "carol", issued=NOW + RETENTION).encoded, NOW + RETENTION)
    assert known.forget(NOW + RETENTION + 1) == 2
    assert {entry.claim.owner for entry in known.registry.entries(ALICE)} == {owner_id(1), owner_id(3)}
    assert known.forget(NOW + RETENTION + 1) == 0


def test_what_would_leave_nothing_waits_for_a_day_of_running():
    known = knowledge(claim(0), claim(1, "bob"), claim(3))
    known.forget(NOW)
    for ran in (0, DAY - 1):
        known.ran(ran)
        assert known.forget(NOW + RETENTION + 1) == 0
    known.take(claim(2, "carol", issued=NOW + 5).encoded, NOW + RETENTION - DAY)  # said a month ago, and heard now
    known.ran(1)
    assert known.forget(NOW + RETENTION + 6) == 4
    again = knowledge(claim(0), claim(1, "bob"))
    again.forget(NOW + RETENTION + 1)
    again.forget(NOW)  # the clock was mended
    again.ran(DAY)
    assert again.forget(NOW + RETENTION + 1) == 0  # and this is another doubt


def test_a_taken_name_is_refused_with_who_and_since_when():
    known = knowledge(claim(0))
    with pytest.raises(NameTaken, match=rf"{owner_id(0).short} \(known here since 2027-01-15\)"):
        known.reserve(ALICE, contest=False, now=NOW)
    assert known.own == {}
    known.reserve(ALICE, contest=True, now=NOW)
    assert known.own[ALICE].contest
    free = knowledge(claim(0, kind=Kind.TOMBSTONE), claim(1, valid=5))
    free.reserve(ALICE, contest=False, now=NOW + 6)
    free.reserve(ALICE, contest=False, now=NOW + 6)


# --- answers --------------------------------------------------------------------------------------------------------


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
    with pytest.raises(NameNotFound, match="revoked"):
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
    with pytest.raises(NameNotFound, match=r"anna is your petname for alice of .* who let the claim end"):
        led(now=NOW + DAY + 1)
    assert led(now=NOW + DAY + 1, cut_off=True).owner == owner_id(0)
    known.take(claim(0, seq=2, kind=Kind.TOMBSTONE).encoded, NOW)
    assert set(known.elsewhere()) == {anna}  # who keeps answers must know that this one is over
    with pytest.raises(NameNotFound, match="has released it; `beam petname --forget anna`"):
        led()
    known.take(revocation(0).encoded, NOW)
    assert set(known.elsewhere()) == {ALICE, anna}
    with pytest.raises(NameNotFound, match="revoked"):
        led()
    known.bindings.forget_petname(anna)
    assert led().owner == owner_id(1)


def test_a_pin_of_somebody_unknown_waits_for_them():
    known = knowledge(claim(1))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    with pytest.raises(NameNotFound, match="no present claim"):
        resolve(known)
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
    assert owner_id(1).short in str(caught.value)
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


def choices(known, now=NOW):
    (conflict,) = answering.conflicts(known, now, ALICE)
    return {choice.owner: (choice.relation, choice.used) for choice in conflict.choices}


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


def test_each_choice_of_a_contested_name_says_whose_it_is_and_whether_it_is_used():
    known = knowledge(claim(0), claim(1), claim(3))
    other = ("other", False)
    assert choices(known) == {owner_id(0): other, owner_id(1): other, owner_id(3): ("own", False)}
    known.bindings.pin(ALICE, owner_id(0), NOW)
    assert choices(known) == {owner_id(0): ("pin", True), owner_id(1): other, owner_id(3): ("own", False)}
    known.reserve(ALICE, contest=True, now=NOW)
    assert choices(known) == {owner_id(0): ("pin", False), owner_id(1): other, owner_id(3): ("own", True)}


def test_no_choice_is_used_while_the_pinned_owner_holds_the_name_no_longer():
    known = knowledge(claim(0, valid=DAY), claim(1), claim(2))
    known.bindings.pin(ALICE, owner_id(0), NOW)
    assert choices(known, NOW + DAY + 1) == {owner_id(1): ("other", False), owner_id(2): ("other", False)}


def test_an_owner_who_equivocates_alone_is_used():
    known = knowledge(claim(1, variant=1), claim(1, variant=2))
    assert choices(known) == {owner_id(1): ("other", True)}


def test_held_names_and_conflicts():
    known = knowledge(claim(0), claim(1), claim(1, "bob", variant=1), claim(1, "bob", variant=2), claim(2, "carol"))
    known.reserve(Name("mine"), contest=False, now=NOW)
    known.bindings.pin(ALICE, owner_id(0), NOW)
    held = answering.held(known, NOW)
    assert [(one.name.label, one.relation, one.peers) for one in held] == [
        ("alice", "pin", (peer(0),)),
        ("mine", "own", ()),
    ]
    assert held[0].expires == NOW + 30 * DAY
    contested = answering.conflicts(known, NOW)
    assert [(one.name.label, len(one.choices), one.settled_by) for one in contested] == [
        ("alice", 2, "pin"),
        ("bob", 1, None),
    ]
    assert contested[1].choices[0].equivocates
    assert answering.conflicts(known, NOW, Name("carol")) == ()
    known.bindings.pin(Name("dave"), owner_id(0), NOW)
    known.reserve(Name("dave"), contest=False, now=NOW)
    assert [(one.name.label, one.relation) for one in answering.held(known, NOW)][1:3] == [
        ("dave", "own"),
        ("dave", "pin"),
    ]


def test_a_claim_that_is_kept_for_its_work_is_forgotten_in_its_time_and_so_it_stands_on_the_disk():
    known = Knowledge(network=NETWORK, owner=owner_id(3), limits=Limits(), levels=Levels(NETWORK, CHEAP))
    much, less = proved(solved(claim(0), 6)), proved(solved(claim(0, seq=2, issued=NOW + 20 * DAY)))
    assert known.take_proved(much, NOW) is not None
    assert known.take_proved(less, NOW + 20 * DAY) is not None
    assert known.registry.entry(ALICE, owner_id(0)).claims == (less, much)
    known.changes()
    assert known.forget(NOW + RETENTION + 1) == 0
    rows = {change.table: change for change in known.changes()}
    assert known.registry.entry(ALICE, owner_id(0)).claims == (less,)
    assert claim_rows.read_entry(rows[claim_rows.CLAIMS].key, rows[claim_rows.CLAIMS].value, NETWORK)[0] == Entry(less)
    assert records.read_floor(rows[records.META].value) == NOW


def test_of_very_many_owners_the_first_are_named():
    many = crowd(12)
    with pytest.raises(NameContested) as raised:
        answering.resolve(knowledge(*many), Query(ALICE), NOW)
    named = [one.owner for one in many if str(one.owner) in str(raised.value)]
    assert sorted(named) == sorted(one.owner for one in many)[:8]
    assert "and 4 more" in str(raised.value)


def test_a_name_that_another_owner_claims_too_is_marked_as_contested():
    known = knowledge(claim(2), claim(2, "bob"), claim(1, "carol"), owner=0)
    known.reserve(ALICE, contest=True, now=NOW)  # while the work for its own claim is done
    known.reserve(Name("dave"), contest=False, now=NOW)
    for name, owner in (("bob", 2), ("carol", 2)):
        known.bindings.pin(Name(name), owner_id(owner), NOW)
    known.call(Name("ann"), Name("carol"), owner_id(2), NOW)
    assert {str(one.name): one.contested for one in answering.held(known, NOW)} == {
        "alice": True, "ann": False, "bob": False, "carol": True, "dave": False,
    }  # fmt: skip
    assert not any(one.contested for one in answering.held(known, NOW + RETENTION))
