import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import StoreDamaged
from beam_actors.naming import claim_rows, records
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.pins import Pin
from beam_actors.naming.records import Made, Own
from beam_actors.naming.rows import SUM
from beam_actors.ports import Change
from beam_actors.values import Name, cbor
from tests.naming import fuzz
from tests.naming.builders import NETWORK, NOW, claim, owner_id, revocation, solved

ALICE = Name("alice")


def test_what_is_kept_is_read_back():
    own = Own(ALICE, NOW, owner_id(3), contest=True)
    assert records.read_own(records.put_own(own).key, records.put_own(own).value) == own
    assert records.read_own(b"alice", cbor.encode([1, NOW, 0])) == Own(ALICE, NOW, None)
    pin = Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32))
    assert records.read_pin(records.put_pin(pin).key, records.put_pin(pin).value) == pin
    used = Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32), "navigation", NOW + 9)
    assert records.read_pin(records.put_pin(used).key, records.put_pin(used).value) == used
    called = records.put_petname(Name("anna"), pin)
    assert records.read_petname(called.key, called.value) == (Name("anna"), pin)
    for made in (Made(ALICE, NOW), Made(ALICE, 0), Made(ALICE, None)):
        row = records.put_made("localhost:3000", made)
        assert records.read_made(row.key, row.value) == ("localhost:3000", made)
    assert records.read_made(b"localhost:3000", b"alice") == ("localhost:3000", Made(ALICE, 0))
    assert records.read_floor(records.put_floor(NOW).value) == NOW
    assert records.read_running(records.put_running(5).value) == 5
    assert records.drop_own(ALICE).value is None
    assert records.drop_pin(ALICE).value is None


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
        lambda: claim_rows.read_entry(b"alice", value, NETWORK),
        lambda: records.read_pin(b"a", value),
        lambda: records.read_petname(b"a", value),
        lambda: records.read_own(b"a", value),
    ):
        with pytest.raises(StoreDamaged):
            read()


def test_a_damaged_key_is_reported():
    with pytest.raises(StoreDamaged):
        records.read_own(b"\xff", cbor.encode([2, NOW, 0, owner_id(3).digest]))


def test_an_owner_of_whom_a_bit_was_flipped_is_nobody():
    pin, own = Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32)), Own(ALICE, NOW, owner_id(0))
    for row, read in (
        (records.put_pin(pin), records.read_pin),
        (records.put_own(own), records.read_own),
        (records.put_petname(Name("anna"), pin), records.read_petname),
    ):
        place = row.value.index(owner_id(0).digest)
        changed = bytearray(row.value)
        changed[place + 7] ^= 1
        with pytest.raises(StoreDamaged):
            read(row.key, bytes(changed))


def test_a_made_name_that_is_none_is_reported():
    for key, value in ((b"\xff", b"alice"), (b"app", b"not a name"), (b"app", b"\xff"), (b"app", b"alice -1")):
        with pytest.raises(StoreDamaged):
            records.read_made(key, value)


@given(st.binary(max_size=60))
def test_fuzz(data):
    fuzz.fuzz_record(data)


WORKED = Entry(claim(seq=2).proved(3), None, solved(claim()).proved(12))
RECORDS = (
    claim_rows.put_entry(Entry(claim(variant=1), claim(variant=2)), Seen(NOW, NOW + 1)),
    claim_rows.put_entry(WORKED, Seen(NOW, NOW)),
    Change(claim_rows.CLAIMS, b"", cbor.encode([1, claim(variant=1).encoded, claim(variant=2).encoded, NOW, NOW + 1])),
    Change(claim_rows.CLAIMS, b"", cbor.encode([2, claim().encoded, b"", NOW, NOW + 1, 7, 1])),
    claim_rows.put_revocation(revocation()),
    records.put_own(Own(ALICE, NOW, owner_id(3), contest=True)),
    records.put_own(Own(ALICE, NOW, None)),
    records.put_pin(Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32))),
    records.put_pin(Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32), "forward", NOW)),
    records.put_petname(Name("anna"), Pin(ALICE, owner_id(0), NOW, 1, 7, NOW, bytes(32))),
    records.put_floor(NOW),
)


@given(st.sampled_from(RECORDS), st.data())
def test_fuzz_near_records(change, data):
    """Of rows with a sum the list within, which an earlier program may have written: the sum lets no other one in."""
    fuzz.fuzz_record(change.value)
    value = bytearray(change.value[1:-SUM] if change.value[:1] == b"\x04" else change.value)
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
