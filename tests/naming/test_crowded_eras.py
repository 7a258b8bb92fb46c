"""What a crowd must not undo: an era that an owner left stays left, by its last word, and for how long."""

import attrs

from beam_actors.naming import answering, claim_rows
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.grammar import Query
from beam_actors.naming.limits import DAY, HOUR, MAX_VALIDITY, RETENTION
from beam_actors.naming.work import Levels
from beam_actors.values import Name
from tests.naming.builders import CHEAP, NETWORK, NOW
from tests.naming.crowd import ALICE, CROWD, LEVELS, SMALL, chain, hear, known_to, owner_of, said
from tests.naming.tables import Tables


def test_to_crowd_a_name_brings_no_era_back_that_its_owner_left():
    """Else who has the key of before pays for a crowd, and claims all the owner's names."""
    thief = [said(0, "bob", 5), said(0, "carol", 5)]
    last = said(0, level=2, era=1)
    known, tables = known_to(SMALL, said(0, "bob"), last), Tables()
    hear(known, CROWD)
    assert not known.registry.holds(last)
    assert hear(known, thief) == 0
    tables.apply(known)
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert list(again.registry.last_words) == [last]
    assert again.registry.canonical() == known.registry.canonical()
    assert hear(again, thief) == 0
    assert hear(again, [said(0, "carol", era=1)]) == 1  # now another claim says it
    assert not again.registry.last_words
    tables.apply(again)
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert [entry.label for entry in again.registry.names_of(owner_of(0))] == ["carol"]
    assert not again.registry.last_words
    assert hear(again, thief) == 0


def test_an_era_is_left_even_by_a_claim_of_a_crowded_name():
    last = said(0, era=1)
    known = known_to(SMALL, said(0, "bob"), *CROWD)
    assert hear(known, [last]) == 1
    assert known.registry.names_of(owner_of(0)) == ()
    assert hear(known, [said(0, "bob", 9)]) == 0


def test_who_met_the_crowd_first_learns_of_the_era_all_the_same():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    assert hear(known, [last]) == 1
    assert not known.registry.holds(last)
    assert known.registry.era_of(owner_of(0)) == 1
    assert hear(known, [said(0, "bob", 9)]) == 0
    assert hear(known, [last, said(0, seq=2)]) == 0


def test_a_last_word_is_compared_with_peers_and_leads_nowhere():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    assert known.registry.get(last.id) == last
    assert len(known.registry.snapshot()) == len(known.registry) == SMALL.owners_per_name + 1
    assert known.registry.claims == SMALL.owners_per_name
    assert last.encoded not in answering.about(known, ALICE, NOW)
    known.confirm([last.id], NOW, most=9)


def test_a_last_word_becomes_a_hold_again_when_somebody_asks_for_it():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    assert known.take(last.encoded, NOW) is None
    assert not known.registry.holds(last)
    known.ask_for(ALICE, owner_of(0), NOW)
    assert known.registry.holds(last)
    assert not known.registry.last_words
    assert answering.resolve(known, Query(ALICE, owner_of(0)), NOW).owner == owner_of(0)


def test_a_last_word_becomes_a_hold_again_when_a_peer_tells_it_and_there_is_a_reason_to_keep_it():
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    known.bindings.pin(ALICE, owner_of(0), NOW)
    assert hear(known, [last]) == 1
    assert known.registry.holds(last)


def test_a_last_word_becomes_a_hold_again_when_there_is_room():
    old = [said(owner, level=9, issued=NOW - RETENTION // 2) for owner in (30, 31)]
    known, last = known_to(SMALL, *old), said(0, era=1)
    hear(known, [last])
    assert not known.registry.holds(last)
    later = NOW + RETENTION // 2 + HOUR
    hear(known, [said(50, "bob", issued=later)], now=later)  # so the clock is believed
    known.forget(later)
    assert known.registry.holds(last)
    assert known.seen(last).first == later


def test_an_older_claim_makes_nobody_forget_an_era_sooner():
    """Else who replays one, under a name of which there is room, shortens for how long the era is known."""
    old = said(0, "bob", era=1, issued=NOW - MAX_VALIDITY + 2 * HOUR)
    last = said(0, seq=2, era=1)
    known = known_to(SMALL, *CROWD, last)
    assert hear(known, [old]) == 1
    later = NOW + DAY + 3 * HOUR
    hear(known, [said(50, "carol", issued=later)], now=later)
    known.forget(later)
    assert known.registry.entry(Name("bob"), owner_of(0)) is None
    assert known.registry.era_of(owner_of(0)) == 1


def test_a_renewal_that_finds_no_room_says_the_era_for_longer_than_an_older_hold():
    released = said(0, "bob", era=1, kind=Kind.TOMBSTONE, issued=NOW - MAX_VALIDITY + 2 * HOUR)
    known = known_to(SMALL, *CROWD, released)
    assert hear(known, [said(0, seq=2, era=1)]) == 1
    assert hear(known, [said(0, seq=1, era=1, issued=NOW - MAX_VALIDITY + HOUR)]) == 0
    later = NOW + DAY + 3 * HOUR
    hear(known, [said(50, "carol", issued=later)], now=later)
    known.forget(later)
    assert known.registry.names_of(owner_of(0)) == ()
    assert known.registry.era_of(owner_of(0)) == 1


def test_whose_other_hold_says_the_era_has_no_last_word():
    known, last = known_to(SMALL, said(0, "bob", era=1)), said(0, level=2, era=1)
    hear(known, [last, *CROWD])
    assert not known.registry.holds(last)
    assert known.registry.entry(Name("bob"), owner_of(0)) is not None
    assert not known.registry.last_words


def test_what_is_known_of_its_work_is_known_of_the_next_word(monkeypatch):
    known, last = known_to(SMALL, *CROWD), said(0, era=1)
    hear(known, [last])
    again = said(0, seq=2, era=1, issued=NOW + HOUR)
    assert again.terms.work == last.terms.work
    monkeypatch.setattr(Levels, "of", lambda _levels, _claim: None)  # as if the book had been lost
    assert known.take(again.encoded, NOW + HOUR) == again
    assert not known.unproven()


def test_a_full_node_takes_no_last_word_back_as_a_hold():
    full = attrs.evolve(SMALL, claims=2)
    known, last = known_to(full, said(30, "bob"), said(31, "carol")), said(0, era=1)
    assert hear(known, [last]) == 1
    known.forget(NOW)
    assert list(known.registry.last_words) == [last]


def test_a_revoked_owners_last_word_is_not_taken_back():
    known, tables, last = known_to(SMALL, *CROWD), Tables(), said(0, era=1)
    hear(known, [last])
    tables.apply(known)
    word = dict(tables.rows[claim_rows.LAST])
    known.publish(Claim.revoke(NETWORK, chain(0).era_key(8)), NOW)
    tables.apply(known)
    assert not tables.rows[claim_rows.LAST]
    tables.rows[claim_rows.LAST] = word  # as of a store whose two tables are not of one time
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert not again.registry.last_words
    tables.apply(again)
    assert not tables.rows[claim_rows.LAST]


def test_a_stored_hold_of_the_era_takes_the_place_of_its_owners_last_word():
    known, tables = known_to(SMALL, said(0, "bob", era=1)), Tables()
    tables.apply(known)
    row = claim_rows.put_last_word(owner_of(0).digest, said(0, era=1))
    tables.rows.setdefault(row.table, {})[row.key] = row.value
    again = tables.load(levels=LEVELS, limits=SMALL)
    assert again.registry.entry(Name("bob"), owner_of(0)) is not None
    assert not again.registry.last_words
    tables.apply(again)
    assert not tables.rows[claim_rows.LAST]


def test_who_says_it_again_later_is_believed_for_longer():
    """Else an owner whose one name is crowded would be forgotten a month after it was crowded."""
    first, again = said(0, era=1), said(0, seq=2, era=1, issued=NOW + HOUR)
    known = known_to(SMALL, *CROWD, first)
    assert known.take(again.encoded, NOW + HOUR) == again
    assert list(known.registry.last_words) == [again]
    assert known.take(first.encoded, NOW + HOUR) is None
    known.forget(first.issued + RETENTION + 1)
    assert list(known.registry.last_words) == [again]


def test_it_is_forgotten_in_the_end_and_can_not_be_told_again():
    later = NOW + HOUR  # than the crowd, so that its forgetting says nothing of this one
    known, last = known_to(SMALL, *CROWD), said(0, era=1, issued=later)
    late = later + RETENTION + HOUR
    assert hear(known, [last], now=later) == 1
    assert hear(known, [said(50, "bob", issued=late)], now=late) == 1  # so the clock is believed
    known.forget(late)
    assert not known.registry.last_words
    assert last.id not in known.registry
    assert known.registry.floor >= last.issued
    assert known.take(last.encoded, later) is None


def test_a_revocation_ends_it():
    known = known_to(SMALL, *CROWD, said(0, era=1))
    known.publish(Claim.revoke(NETWORK, chain(0).era_key(8)), NOW)
    assert not known.registry.last_words
    assert len(known.registry) == SMALL.owners_per_name + 1


def test_what_has_less_work_than_the_network_asks_for_says_nothing():
    tables = Tables()
    tables.apply(known_to(SMALL, *CROWD, said(0, level=2, era=1)))
    more = Levels(NETWORK, attrs.evolve(CHEAP, bits=3), most=100)
    assert not tables.load(levels=more, limits=SMALL).registry.last_words
