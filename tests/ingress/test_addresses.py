import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.ingress.addresses import NETWORK, TABLE, AddressBook, Allocation
from beam_actors.ports import Change


def test_ten_thousand_names_have_ten_thousand_addresses():
    book = AddressBook(60_000)
    ips = {book.allocate(f"name-{number}").ip for number in range(10_000)}
    assert len(ips) == 10_000  # their hashes alone would collide some 740 times
    assert all(ipaddress.ip_address(ip) in NETWORK for ip in ips)
    assert not ips & {"127.77.0.0", "127.77.255.255"}


def test_an_address_is_remembered():
    book = AddressBook(100)
    first = book.allocate("byronwade")
    [change] = first.changes
    assert (change.table, change.key) == (TABLE, b"byronwade")
    assert book.allocate("byronwade").changes == ()
    again, damaged = AddressBook.load([(change.key, change.value)], 100)
    assert damaged == ()
    assert again.find("byronwade") == first.ip
    assert again.find("unknown") is None


def test_a_lost_store_gives_the_same_address_when_it_is_free():
    assert AddressBook(100).allocate("byronwade").ip == AddressBook(100).allocate("byronwade").ip


@given(st.lists(st.integers(0, 12).map(str), max_size=40))
def test_no_two_names_share_an_address_and_the_store_holds_what_the_book_does(names):
    book, store = AddressBook(5), {}
    for name in names:
        allocation = book.allocate(name)
        for change in allocation.changes:
            if change.value is None:
                del store[change.key]
            else:
                store[change.key] = change.value
        assert len(set(store.values())) == len(store) == len(book) <= 5
        assert AddressBook.load(store.items(), 5)[0].find(name) == allocation.ip
    recent = list(dict.fromkeys(reversed(names)))[:5]
    assert set(store) == {name.encode() for name in recent}  # the least recently asked for made room


@pytest.mark.parametrize(
    ("key", "value"),
    [
        (b"a", b"\x7f\x4d\x01"),
        (b"a", b"\x7f\x4e\x01\x01"),
        (b"a", b"\x7f\x4d\x00\x00"),
        (b"\xff", b"\x7f\x4d\x01\x01"),
    ],
)
def test_a_damaged_row_costs_only_itself(key, value):
    good = (b"good", b"\x7f\x4d\x02\x02")
    for records in ([(key, value), good], [good, (key, value)]):
        book, damaged = AddressBook.load(records, 100)
        assert book.find("good") == "127.77.2.2"
        assert damaged == (Change(TABLE, key, None),)
        assert len(book) == 1


def test_a_name_moves_to_another_free_address_which_is_stored():
    book = AddressBook(100)
    first = ipaddress.ip_address(book.allocate("a").ip)
    book.move("a", "127.77.255.254")
    book.allocate("b")
    assert book.others("127.77.255.253", 2) == ["127.77.0.1", "127.77.0.2"]  # the last one is taken, and it goes round
    moved = book.move("a", str(first))
    assert moved == Allocation(str(first), (Change(TABLE, b"a", first.packed),))
    assert book.find("a") == str(first)
    assert book.move("b", str(first)) is None
    assert book.others("127.77.255.253", 1) == ["127.77.255.254"]


def test_of_two_names_with_one_address_the_first_keeps_it():
    shared = b"\x7f\x4d\x01\x01"
    book, damaged = AddressBook.load([(b"a", shared), (b"b", shared), (b"c", b"\x7f\x4d\x01\x02")], 100)
    assert (book.find("a"), book.find("b"), book.find("c")) == ("127.77.1.1", None, "127.77.1.2")
    assert damaged == (Change(TABLE, b"b", None),)
    assert book.allocate("b").ip not in {"127.77.1.1", "127.77.1.2"}


@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=4) | st.just(b"\x7f\x4d\x01\x01")), max_size=20))
def test_whatever_is_stored_no_two_names_share_an_address(records):
    rows = dict(records)
    book, damaged = AddressBook.load(rows.items(), 100)
    kept = rows.keys() - {change.key for change in damaged}
    ips = [book.find(key.decode()) for key in kept]
    assert len(set(ips)) == len(kept) == len(book)
    assert None not in ips
