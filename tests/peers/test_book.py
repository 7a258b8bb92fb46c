import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.peers.book import AddressBook, Entry, decode_entry, encode_entry, parse_bootstrap
from beam_actors.peers.claims import Contact
from beam_actors.values import Multiaddr, PeerId, TcpAddress
from tests.peers.fuzz import fuzz_entry

ALICE, BOB, CAROL = (PeerId(bytes([n]) * 32) for n in (1, 2, 3))
LAN = Contact(remote=TcpAddress("192.168.1.7", 50000), local=None)


def at(ip, port=4747):
    return Multiaddr.from_address(TcpAddress(ip, port))


multiaddrs = st.builds(at, st.ip_addresses().map(str), st.integers(1, 65535))
entries = st.builds(
    Entry,
    proven=st.lists(multiaddrs, max_size=5).map(tuple),
    claimed=st.lists(multiaddrs, max_size=5).map(tuple),
    kept=st.booleans(),
    seen=st.integers(0, 2**40).map(float),
)


@given(entries)
def test_an_entry_survives_the_store(entry):
    assert decode_entry(encode_entry(entry)) == entry


@given(st.binary(max_size=200))
def test_a_damaged_record_is_refused_by_name(data):
    fuzz_entry(data)


@given(entries, st.data())
def test_a_flipped_record_is_refused_by_name(entry, data):
    raw = bytearray(encode_entry(entry))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    fuzz_entry(bytes(raw))


def test_a_proven_address_is_tried_before_claims_and_is_not_pushed_out_by_them():
    book = AddressBook(peers=10, addresses=3)
    book.claims(ALICE, [at("10.0.0.1"), at("10.0.0.2")], LAN, 1.0)
    book.proved(ALICE, at("10.0.0.9"), 2.0)
    book.claims(ALICE, [at(f"10.0.1.{n}") for n in range(20)], LAN, 3.0)
    entry = book.get(ALICE)
    assert entry.addresses[0] == at("10.0.0.9")
    assert len(entry.addresses) == 4


def test_who_says_no_longer_that_it_is_where_it_was_found_is_tried_first_where_it_says():
    book = AddressBook(peers=10, addresses=8)
    for n in range(8):
        book.proved(ALICE, at(f"10.0.0.{n}"), 1.0)
    book.claims(ALICE, [at("10.0.0.7"), at("10.0.0.6")], LAN, 2.0)
    assert book.get(ALICE).addresses[:3] == (at("10.0.0.7"), at("10.0.0.6"), at("10.0.0.5"))
    for _ in range(2):
        book.claims(ALICE, [at("10.0.1.1"), at("10.0.1.2")], LAN, 3.0)
        assert book.get(ALICE).addresses[:4] == (at("10.0.1.1"), at("10.0.0.7"), at("10.0.1.2"), at("10.0.0.6"))
    assert len(book.get(ALICE).addresses) == 10
    book.proved(ALICE, at("10.0.0.7"), 4.0)  # it is there all the same
    assert book.get(ALICE).addresses[0] == at("10.0.0.7")


def test_the_address_that_worked_last_comes_first():
    book = AddressBook(peers=10, addresses=3)
    for ip in ("10.0.0.1", "10.0.0.2", "10.0.0.1"):
        book.proved(ALICE, Multiaddr.from_address(TcpAddress(ip, 1), ALICE), 1.0)
    assert book.get(ALICE).proven == (at("10.0.0.1", 1), at("10.0.0.2", 1))


def test_a_claim_that_is_not_acceptable_is_dropped():
    book = AddressBook(peers=10, addresses=3)
    far = Contact(remote=TcpAddress("203.0.113.9", 1), local=None)
    book.claims(ALICE, [at("10.0.0.1"), at("198.51.100.1"), at("198.51.100.2")], far, 1.0, ours=[at("198.51.100.2")])
    assert book.get(ALICE).addresses == (at("198.51.100.1"),)


def test_a_claim_for_another_peer_is_dropped():
    book = AddressBook(peers=10, addresses=3)
    book.claims(ALICE, [Multiaddr.from_address(TcpAddress("10.0.0.1", 1), BOB)], LAN, 1.0)
    assert book.get(ALICE).addresses == ()


def test_the_least_recently_seen_is_forgotten_and_a_kept_peer_never():
    book = AddressBook(peers=2, addresses=3)
    book.keep(ALICE, at("10.0.0.1"), 1.0)
    book.proved(BOB, at("10.0.0.2"), 2.0)
    changed = book.proved(CAROL, at("10.0.0.3"), 3.0)
    assert changed == {BOB, CAROL}
    assert book.get(BOB) is None
    assert book.kept == (ALICE,)


def test_whoever_only_came_is_forgotten_before_one_that_this_node_went_to():
    book = AddressBook(peers=2, addresses=3)
    book.proved(ALICE, at("10.0.0.1"), 1.0)
    book.claims(BOB, [at("10.0.0.2")], LAN, 2.0)
    assert book.claims(CAROL, [at("10.0.0.3")], LAN, 3.0) == {BOB, CAROL}
    assert book.chosen(ALICE)
    assert not book.chosen(CAROL)
    assert not book.chosen(BOB)


def test_an_entry_written_while_the_clock_stood_before_1970_can_be_read():
    assert decode_entry(encode_entry(Entry(proven=(at("10.0.0.1"),), seen=-5.5))).seen == 0


def test_who_is_released_is_kept_no_longer_and_still_found():
    book = AddressBook(peers=2, addresses=3)
    book.keep(ALICE, at("10.0.0.1"), 1.0)
    assert book.release(ALICE) == {ALICE}
    assert book.kept == ()
    assert book.get(ALICE).addresses == (at("10.0.0.1"),)
    assert book.release(ALICE) == book.release(BOB) == set()


def test_nothing_changed_means_nothing_to_store():
    book = AddressBook(peers=2, addresses=3)
    book.proved(ALICE, at("10.0.0.1"), 1.0)
    assert book.proved(ALICE, at("10.0.0.1"), 1.0) == set()


@pytest.mark.parametrize("text", ["/ip4/1.2.3.4/tcp/1", f"/dns4/example.com/tcp/1/p2p/{ALICE}", f"/p2p/{ALICE}"])
def test_a_bootstrap_address_that_cannot_be_dialled_is_refused_in_words(text):
    with pytest.raises(InvalidValue):
        parse_bootstrap(Multiaddr.parse(text))


def test_a_bootstrap_address_says_whom_and_where():
    address = Multiaddr.parse(f"/ip4/1.2.3.4/tcp/1/p2p/{ALICE}")
    assert parse_bootstrap(address) == (ALICE, at("1.2.3.4", 1))
