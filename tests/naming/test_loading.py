from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming import claim_rows
from beam_actors.naming.claim import Kind
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.limits import DAY, HOUR
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, pool
from tests.naming.tables import Tables, knowledge

ALICE = Name("alice")


def _unpin(known, _number, _now):
    if ALICE in known.bindings.pins:
        known.bindings.unpin(ALICE)


def _use(known, number, now):
    name = Name(f"seen{number % 3}")
    if name in known.bindings.pins:
        known.bindings.used(name, now)
    else:
        known.bindings.pin_by_use(name, owner_id(number % 3), "navigation", now)


def _forget_petname(known, _number, _now):
    if known.bindings.petnames:
        known.bindings.forget_petname(min(known.bindings.petnames))


BY_A_PERSON = {
    "pin": lambda known, number, now: known.bindings.pin(ALICE, owner_id(number % 3), now),
    "unpin": _unpin,
    "use": _use,
    "call": lambda known, number, now: known.call(Name(f"pet{number % 2}"), ALICE, owner_id(number % 3), now),
    "forget petname": _forget_petname,
    "reserve": lambda known, number, now: known.reserve(Name(f"own{number}"), contest=False, now=now),
    "make": lambda known, number, now: known.made.keep(f"{number % 2}", Name(f"made{number % 5}"), now),
    "choose": lambda known, number, _now: known.made.choose(Name(f"made{number % 5}")),
}


@given(
    st.lists(st.sampled_from(pool()) | st.sampled_from([*BY_A_PERSON, "forget"]), max_size=20),
    st.integers(0, 40 * DAY),
)
def test_what_is_loaded_is_what_was_committed(steps, jump):
    known, tables, now = knowledge(), Tables(), NOW
    for number, step in enumerate(steps):
        if step in BY_A_PERSON:
            BY_A_PERSON[step](known, number, now)
        elif step == "forget":
            now += jump
            known.ran(jump)
            known.keep_running()
            known.forget(now)
        elif not isinstance(step, str):
            known.take(step.encoded, now)
        tables.apply(known)
    again = tables.load()
    assert again.registry.canonical() == known.registry.canonical()
    assert (again.bindings.pins, again.own, again.own.given_up) == (known.bindings.pins, known.own, known.own.given_up)
    assert again.made._by_purpose == known.made._by_purpose
    assert again.bindings.petnames == known.bindings.petnames
    assert again.bindings.trusted == known.bindings.trusted
    assert set(again.bindings.petnames_of(ALICE)) == set(known.bindings.petnames_of(ALICE))
    assert again.registry.floor == known.registry.floor
    for one in known.registry:
        if one.kind is not Kind.REVOCATION:
            before, after = known.seen(one), again.seen(one)
            assert (after.first, after.alone, after.settled) == (before.first, before.alone, before.settled)
            assert 0 <= before.heard - after.heard < 6 * HOUR  # when it was heard of is written rarely
    assert again.changes() == []


def test_a_row_of_an_era_that_its_owner_left_is_dropped():
    """A program of before kept an order of eras for each name."""
    for first, second in (("alice", "bob"), ("bob", "alice")):
        rows = [claim(0, first, 9), claim(0, second, era=1), claim(1, first)]
        tables = Tables()
        for one in rows:
            change = claim_rows.put_entry(Entry(one), Seen(NOW, NOW))
            tables.rows.setdefault(change.table, {})[change.key] = change.value
        known = tables.load()
        assert {one.id for one in known.registry} == {rows[1].id, rows[2].id}
        tables.apply(known)
        assert len(tables.rows[claim_rows.CLAIMS]) == 2
        assert tables.load().changes() == []
        assert [entry.claim.era for entry in known.registry.names_of(owner_id(0))] == [1]
