import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import StoreDamaged
from beam_actors.naming import records
from beam_actors.naming.holds import Seen
from beam_actors.naming.limits import MAX_TIME
from beam_actors.naming.pins import Pin
from beam_actors.naming.records import Own
from beam_actors.naming.registry import Entry
from beam_actors.ports import Change
from beam_actors.values import Name, cbor
from tests.naming import fuzz
from tests.naming.builders import NETWORK, NOW, claim, owner_id, revocation, solved

ALICE = Name("alice")


WORKED = Entry(claim(seq=2).proved(3), None, solved(claim()).proved(12))
"""An owner who signed with less work than before."""


def test_levels_and_the_best_work_seen_are_read_back():
    for entry in (
        WORKED,
        Entry(claim().proved(2)),
        Entry(claim(variant=1).proved(11), claim(variant=2).proved(10)),
        Entry(claim(seq=2), None, solved(claim()).proved(1)),
    ):
        row = records.put_entry(entry, Seen(NOW, NOW))
        read, _ = records.read_entry(row.key, row.value, NETWORK)
        assert [(one, one.level or 0) for one in read.claims] == [(one, one.level or 0) for one in entry.claims]
        assert (read, read.level) == (entry, entry.level)


def test_what_is_kept_is_read_back():
    for entry in (Entry(claim()), Entry(claim(variant=1), claim(variant=2))):
        for seen in (Seen(NOW, NOW + 1), Seen(NOW, NOW, 7), Seen(NOW, NOW, 7, settled=True)):
            row = records.put_entry(entry, seen)
            assert records.read_entry(row.key, row.value, NETWORK) == (entry, seen)
            assert records.read_era(row.key, row.value) == 0
        assert row.key == records.drop_entry(ALICE, owner_id(0)).key
    assert records.read_revocation(records.put_revocation(revocation()).value, NETWORK) == revocation()
    own = Own(ALICE, NOW, owner_id(3), contest=True)
    assert records.read_own(records.put_own(own).key, records.put_own(own).value) == own
    assert records.read_own(b"alice", cbor.encode([1, NOW, 0])) == Own(ALICE, NOW, None)
    pin = Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32))
    assert records.read_pin(records.put_pin(pin).key, records.put_pin(pin).value) == pin
    used = Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32), "navigation", NOW + 9)
    assert records.read_pin(records.put_pin(used).key, records.put_pin(used).value) == used
    called = records.put_petname(Name("anna"), pin)
    assert records.read_petname(called.key, called.value) == (Name("anna"), pin)
    made = records.put_made("localhost:3000", ALICE)
    assert records.read_made(made.key, made.value) == ("localhost:3000", ALICE)
    assert records.read_floor(records.put_floor(NOW).value) == NOW
    assert records.read_running(records.put_running(5).value) == 5
    assert records.drop_own(ALICE).value is None
    assert records.drop_pin(ALICE).value is None


def test_rows_of_the_formats_before_are_read():
    one, two = claim(variant=1, era=1), claim(variant=2, era=1)
    for value, expected in (
        ([1, one.encoded, b"", NOW, NOW + 1], (Entry(one), Seen(NOW, NOW + 1))),
        ([1, one.encoded, two.encoded, NOW, NOW + 1], (Entry(one, two), Seen(NOW, NOW + 1))),
        ([2, one.encoded, b"", NOW, NOW + 1, 7, 1], (Entry(one), Seen(NOW, NOW + 1, 7, settled=True))),
    ):
        assert records.read_entry(b"any key", cbor.encode(value), NETWORK) == expected
        assert records.read_era(b"any key", cbor.encode(value)) == 1
    for times in ([-1, 1, 1, 0], [1, MAX_TIME, 1, 0], [1, 1, MAX_TIME, 0], [1, 1, 1, 2]):
        with pytest.raises(StoreDamaged):
            records.read_entry(b"any key", cbor.encode([2, one.encoded, b"", *times]), NETWORK)


@pytest.mark.parametrize("entry", [Entry(claim()), Entry(claim(variant=1), claim(variant=2))])
def test_each_changed_bit_of_a_row_of_claims_or_of_its_key_is_found(entry):
    row = records.put_entry(entry, Seen(NOW, NOW + 1, 7, settled=True))
    whole, size = row.key + row.value, len(row.key)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        for read in (lambda *data: records.read_entry(*data, NETWORK), records.read_era):
            with pytest.raises(StoreDamaged):
                read(bytes(changed[:size]), bytes(changed[size:]))
    for end in range(len(row.value)):
        with pytest.raises(StoreDamaged):
            records.read_entry(row.key, row.value[:end], NETWORK)


def test_a_row_under_another_ones_key_is_found():
    one, two = (records.put_entry(Entry(claim(owner)), Seen(NOW, NOW)) for owner in (0, 1))
    with pytest.raises(StoreDamaged):
        records.read_entry(two.key, one.value, NETWORK)


def test_names_of_one_table_do_not_run_into_each_other():
    keys = [records.drop_entry(Name(label), owner_id(0)).key for label in ("a", "ab", "abc")]
    assert not any(other.startswith(key) for key in keys for other in keys if other != key)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"\x00",
        cbor.encode([3, 5]),
        cbor.encode([2, 5, 0, bytes(31)]),
        cbor.encode([1]),
        cbor.encode([1, b"", b"", 1, 1]),
        cbor.encode({1: 1}),
    ],
)
def test_damage_is_reported(value):
    for read in (
        lambda: records.read_entry(b"alice", value, NETWORK),
        lambda: records.read_pin(b"a", value),
        lambda: records.read_petname(b"a", value),
        lambda: records.read_own(b"a", value),
    ):
        with pytest.raises(StoreDamaged):
            read()


def test_a_damaged_key_or_claim_is_reported():
    with pytest.raises(StoreDamaged):
        records.read_own(b"\xff", records.put_own(Own(ALICE, NOW, owner_id(3))).value)
    row = records.put_entry(Entry(claim()), Seen(0, 0))
    with pytest.raises(StoreDamaged, match="another network"):
        records.read_entry(row.key, row.value, "other")


def test_a_made_name_that_is_none_is_reported():
    for key, value in ((b"\xff", b"alice"), (b"app", b"not a name"), (b"app", b"\xff")):
        with pytest.raises(StoreDamaged):
            records.read_made(key, value)


@given(st.binary(max_size=60))
def test_fuzz(data):
    fuzz.fuzz_record(data)


RECORDS = (
    records.put_entry(Entry(claim(variant=1), claim(variant=2)), Seen(NOW, NOW + 1)),
    records.put_entry(WORKED, Seen(NOW, NOW)),
    Change(records.CLAIMS, b"", cbor.encode([1, claim(variant=1).encoded, claim(variant=2).encoded, NOW, NOW + 1])),
    Change(records.CLAIMS, b"", cbor.encode([2, claim().encoded, b"", NOW, NOW + 1, 7, 1])),
    records.put_revocation(revocation()),
    records.put_own(Own(ALICE, NOW, owner_id(3), contest=True)),
    records.put_own(Own(ALICE, NOW, None)),
    records.put_pin(Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32))),
    records.put_pin(Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32), "forward", NOW)),
    records.put_petname(Name("anna"), Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32))),
    records.put_floor(NOW),
)


@given(st.sampled_from(RECORDS), st.data())
def test_fuzz_near_records(change, data):
    value = bytearray(change.value)
    fuzz.fuzz_record(bytes(value))
    for _ in range(data.draw(st.integers(1, 3))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    fuzz.fuzz_record(bytes(value))


@pytest.mark.parametrize("fields", [[1, 1, False], [1, True, 0], [True, 1, 0], [2, 1, True, bytes(32)], [1, True]])
def test_a_truth_value_is_no_number(fields):
    for read in (lambda value: records.read_own(b"alice", value), records.read_floor):
        with pytest.raises(StoreDamaged):
            read(cbor.encode(fields))
    fuzz.fuzz_record(cbor.encode(fields))
