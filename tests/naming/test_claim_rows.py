import pytest

from beam_actors.errors import StoreDamaged
from beam_actors.naming import claim_rows
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.limits import MAX_TIME
from beam_actors.naming.timekeeping import day_of
from beam_actors.values import Name, cbor
from tests.naming.builders import NETWORK, NOW, claim, owner_id, revocation, solved

ALICE = Name("alice")
KEY = b"alice\0" + owner_id(0).digest
WORKED = Entry(claim(seq=2).proved(3), None, solved(claim()).proved(12))
"""An owner who signed with less work than before."""


def test_levels_and_the_best_work_seen_are_read_back():
    for entry in (
        WORKED,
        Entry(claim().proved(2)),
        Entry(claim(variant=1).proved(11), claim(variant=2).proved(10)),
        Entry(claim(seq=2), None, solved(claim()).proved(1)),
    ):
        row = claim_rows.put_entry(entry, Seen(NOW, NOW))
        read, _ = claim_rows.read_entry(row.key, row.value, NETWORK)
        assert [(one, one.level or 0) for one in read.claims] == [(one, one.level or 0) for one in entry.claims]
        assert (read, read.level) == (entry, entry.level)


def test_rows_of_the_formats_before_are_read():
    one, two = claim(variant=1, era=1), claim(variant=2, era=1)
    for value, expected in (
        ([1, one.encoded, b"", NOW, NOW + 1], (Entry(one), Seen(NOW, NOW + 1))),
        ([1, one.encoded, two.encoded, NOW, NOW + 1], (Entry(one, two), Seen(NOW, NOW + 1))),
        ([2, one.encoded, b"", NOW, NOW + 1, 7, 1], (Entry(one), Seen(NOW, NOW + 1, 7, settled=True))),
    ):
        assert claim_rows.read_entry(KEY, cbor.encode(value), NETWORK) == expected
        assert claim_rows.read_claim(KEY, cbor.encode(value)).era == 1
    for times in ([-1, 1, 1, 0], [1, MAX_TIME, 1, 0], [1, 1, MAX_TIME, 0], [1, 1, 1, 2]):
        with pytest.raises(StoreDamaged):
            claim_rows.read_entry(KEY, cbor.encode([2, one.encoded, b"", *times]), NETWORK)


def test_a_row_of_before_says_nothing_that_its_owner_did_not():
    """It has no sum: with one bit of it changed it is damage, or says the same of other times."""
    one, two = claim(variant=1), claim(variant=2)
    row = cbor.encode([2, one.encoded, two.encoded, NOW, NOW + 1, 7, 1])
    for bit in range(8 * len(row)):
        changed = bytearray(row)
        changed[bit // 8] ^= 1 << bit % 8
        try:
            entry, seen = claim_rows.read_entry(KEY, bytes(changed), NETWORK)
        except StoreDamaged:
            continue
        assert set(entry.claims) <= {one, two}
        assert day_of(seen.first)
    for other in (revocation(), claim(1), claim(0, "bob")):
        for value in ([2, other.encoded, b"", NOW, NOW, 7, 1], [2, one.encoded, other.encoded, NOW, NOW, 7, 1]):
            with pytest.raises(StoreDamaged):
                claim_rows.read_entry(KEY, cbor.encode(value), NETWORK)


@pytest.mark.parametrize("entry", [Entry(claim()), Entry(claim(variant=1), claim(variant=2))])
def test_each_changed_bit_of_a_row_of_claims_or_of_its_key_is_found(entry):
    row = claim_rows.put_entry(entry, Seen(NOW, NOW + 1, 7, settled=True))
    whole, size = row.key + row.value, len(row.key)
    for bit in range(8 * len(whole)):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        for read in (lambda *data: claim_rows.read_entry(*data, NETWORK), claim_rows.read_claim):
            with pytest.raises(StoreDamaged):
                read(bytes(changed[:size]), bytes(changed[size:]))
    for end in range(len(row.value)):
        with pytest.raises(StoreDamaged):
            claim_rows.read_entry(row.key, row.value[:end], NETWORK)


def test_a_row_under_another_ones_key_is_found():
    one, two = (claim_rows.put_entry(Entry(claim(owner)), Seen(NOW, NOW)) for owner in (0, 1))
    with pytest.raises(StoreDamaged):
        claim_rows.read_entry(two.key, one.value, NETWORK)


def test_names_of_one_table_do_not_run_into_each_other():
    keys = [claim_rows.drop_entry(Name(label), owner_id(0)).key for label in ("a", "ab", "abc")]
    assert not any(other.startswith(key) for key in keys for other in keys if other != key)


def test_what_is_kept_is_read_back():
    for entry in (Entry(claim()), Entry(claim(variant=1), claim(variant=2))):
        for seen in (Seen(NOW, NOW + 1), Seen(NOW, NOW, 7), Seen(NOW, NOW, 7, settled=True)):
            row = claim_rows.put_entry(entry, seen)
            assert claim_rows.read_entry(row.key, row.value, NETWORK) == (entry, seen)
            assert claim_rows.read_claim(row.key, row.value).era == 0
        assert row.key == claim_rows.drop_entry(ALICE, owner_id(0)).key
    row = claim_rows.put_revocation(revocation())
    assert claim_rows.read_revocation(row.key, row.value, NETWORK) == revocation()
    assert claim_rows.read_owner(row.key) == owner_id(0)


def test_a_claim_of_another_network_is_reported():
    row = claim_rows.put_entry(Entry(claim()), Seen(0, 0))
    with pytest.raises(StoreDamaged, match="another network"):
        claim_rows.read_entry(row.key, row.value, "other")
