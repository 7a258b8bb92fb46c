import pytest

from beam_actors.errors import NameTaken
from beam_actors.naming import answering, claim_rows, records
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.grammar import Query
from beam_actors.naming.holds import Seen
from beam_actors.naming.knowledge import Knowledge
from beam_actors.naming.limits import DAY, HOUR, RETENTION, Limits
from beam_actors.naming.work import Levels
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, NOW, claim, owner_id, proved, solved
from tests.naming.tables import Tables, knowledge

ALICE = Name("alice")


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
    assert answering.resolve(known, Query(ALICE), NOW + HOUR).age_s == 0
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
    assert answering.resolve(known, Query(ALICE), NOW).owner == owner_id(0)


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
