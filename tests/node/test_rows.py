from types import SimpleNamespace

import attrs
import pytest

from beam_actors import naming
from beam_actors.control import TrafficRow
from beam_actors.flow import Traffic
from beam_actors.node.rows import Rows, address_text, forward_row, peer_row, reached_at, single_rows
from beam_actors.peers import PeerStatus, State
from beam_actors.tunnels import ForwardSpec, ForwardStatus, TunnelSpec, TunnelStatus
from beam_actors.values import EVERYONE, Access, Multiaddr, Name, OwnerId, PeerId, TcpAddress

APP = TcpAddress("127.0.0.1", 3000)
PEER, OTHER = PeerId(b"\x01" * 32), PeerId(b"\x02" * 32)
OWNER = OwnerId(b"\x03" * 32)
SITE = Name("site")
ROWS = Rows("local")


@pytest.mark.parametrize(
    ("listening", "reached"),
    [
        (["10.0.0.7"], ["10.0.0.7"]),
        (["0.0.0.0"], ["10.0.0.1", "10.0.0.2", "127.0.0.1"]),
        (["::"], ["fd00::1", "::1"]),
        (["10.0.0.1", "0.0.0.0"], ["10.0.0.1", "10.0.0.2", "127.0.0.1"]),
        ([], []),
    ],
)
def test_a_wildcard_stands_for_the_interfaces_of_its_family(listening, reached):
    found = reached_at([TcpAddress(ip, 4747) for ip in listening], ["10.0.0.1", "fd00::1", "10.0.0.2"])
    assert found == tuple(TcpAddress(ip, 4747) for ip in reached)


@pytest.mark.parametrize(
    ("name", "port", "kind", "urls"),
    [
        (SITE, None, "http", ("https://site.local",)),
        (SITE, 22, "tcp", ("tcp://site.local:22",)),
        (None, 22, "tcp", ()),
    ],
)
def test_a_tunnel_has_the_urls_of_its_kind(name, port, kind, urls):
    spec = TunnelSpec(target=APP, name=name, port=port, access=Access(frozenset({OTHER})), kept=True)
    row = ROWS.tunnel(TunnelStatus(spec=spec, running=True, traffic=Traffic(2, 3, 4, 5)))
    assert (row.kind, row.urls, row.port, row.target) == (kind, urls, port, "127.0.0.1:3000")
    assert (row.allow, row.foreground, row.running, row.connections) == ((str(OTHER),), False, True, 2)
    assert row.traffic == TrafficRow(connections=3, bytes_to_service=4, bytes_from_service=5)


def test_everyone_is_no_list_of_peers():
    spec = TunnelSpec(target=APP, name=SITE, port=None, access=EVERYONE, kept=False)
    row = ROWS.tunnel(TunnelStatus(spec=spec, running=False))
    assert (row.allow, row.foreground) == ((), True)


@pytest.mark.parametrize("offered", [True, False])
def test_a_name_has_a_url_where_something_is_served_under_it(offered):
    names = {SITE} if offered else set()
    url = "https://site.local" if offered else None
    done = naming.Registered(
        name=SITE, owner=OWNER, peers=(PEER,), told=1, look_alikes=(Name("slte"),), progress=0.25, work_s=1.0, new=True
    )
    row = ROWS.registered(done, PEER, names)
    assert (row.full, row.url, row.look_alikes, row.peer_id) == ("site.local", url, ("slte.local",), str(PEER))
    held = naming.Held(
        name=SITE, relation="own", target=SITE, how=None, owner=OWNER, peers=(PEER,), expires=110.25, since=1.0
    )
    row = ROWS.name(held, 100.0, leads=offered)
    assert (row.expires_in_s, row.url) == (10.25, url)


def test_a_name_that_its_owner_gave_up_has_no_url():
    held = naming.Held(
        name=SITE, relation="pin", target=SITE, how="command", owner=OWNER, peers=(PEER,), expires=None, since=1.0
    )
    rows = [ROWS.name(attrs.evolve(held, given_up=gone), 100.0, leads=True) for gone in (False, True)]
    assert [(row.given_up, row.url) for row in rows] == [(False, "https://site.local"), (True, None)]


def test_an_own_name_and_its_pin_are_one_row_and_a_pin_of_another_stays():
    held = naming.Held(
        name=SITE, relation="own", target=SITE, how=None, owner=OWNER, peers=(PEER,), expires=None, since=1.0
    )
    pin = attrs.evolve(held, relation="pin", how="navigation")
    theirs = attrs.evolve(pin, owner=OwnerId(bytes([9]) * 32))
    assert single_rows([held, pin], OWNER) == [attrs.evolve(held, how="navigation")]
    assert single_rows([held, theirs], OWNER) == [held, theirs]
    assert single_rows([pin], OWNER) == [pin]


KEYS = SimpleNamespace(owner_id=OWNER, era=0)
OWN = naming.Held(name=SITE, relation="own", target=SITE, how=None, owner=OWNER, peers=(PEER,), expires=None, since=1.0)
PIN = attrs.evolve(OWN, relation="pin", how="command", owner=OwnerId(bytes(32)))
REPLACED = attrs.evolve(OWN, era=1)
UNKNOWN = attrs.evolve(PIN, peers=())
NOW = 100.0


@pytest.mark.parametrize(
    ("here", "elsewhere", "offered", "urls"),
    [
        ([OWN], [], False, {"own": False}),
        ([OWN], [], True, {"own": True}),
        ([attrs.evolve(OWN, peers=())], [], True, {"own": True}),  # while its first claim is being made
        ([REPLACED], [], False, {"own": True}),  # by another machine, to which the name leads here, too
        ([REPLACED], [], True, {"own": True}),
        ([attrs.evolve(REPLACED, peers=())], [], False, {"own": False}),
        ([attrs.evolve(REPLACED, peers=())], [], True, {"own": False}),
        ([attrs.evolve(REPLACED, revoked=True)], [], True, {"own": False}),
        ([], [OWN], False, {"own": True}),
        ([], [REPLACED], False, {"own": True}),
        ([PIN], [OWN], False, {"own": False, "pin": True}),
        ([PIN], [], False, {"pin": True}),
        ([OWN, PIN], [], False, {"own": False, "pin": False}),
        ([UNKNOWN], [], False, {"pin": False}),
        ([attrs.evolve(UNKNOWN, relation="petname")], [], False, {"petname": False}),
        ([attrs.evolve(PIN, expires=NOW)], [], False, {"pin": True}),
        ([attrs.evolve(PIN, expires=NOW - 1)], [], False, {"pin": False}),  # it ended, and nothing renewed it
        ([attrs.evolve(PIN, relation="petname", expires=NOW - 1)], [], False, {"petname": False}),
    ],
)
def test_a_row_has_a_url_where_the_name_leads_to_a_site_of_its_owner(here, elsewhere, offered, urls):
    rows = ROWS.names(here, elsewhere, KEYS, {SITE} if offered else set(), NOW)
    assert {row.relation: row.url is not None for row in rows} == urls


def test_a_name_without_a_claim_has_blanks():
    held = naming.Held(name=SITE, relation="pin", target=SITE, how=None, owner=OWNER, peers=(), expires=None, since=1.0)
    row = ROWS.name(held, 100.0, leads=True)
    assert (row.url, row.expires_in_s, row.peer_ids) == ("https://site.local", None, ())


def test_the_choices_of_a_conflict_say_for_how_long_and_how_they_are_always_reached():
    choices = tuple(
        naming.Choice(owner=OWNER, peers=(PEER,), since=since, equivocates=False, level=11, relation="pin", used=True)
        for since in (40.0, 160.0)
    )
    row = ROWS.conflict(naming.Conflict(name=SITE, choices=choices, settled_by=None), 100.0)
    assert [choice.held_for_s for choice in row.choices] == [60.0, 0.0]  # a clock that was set back makes none negative
    assert (row.name, row.settled_by) == ("site.local", None)
    first = row.choices[0]
    assert (first.relation, first.used, first.since, first.always) == ("pin", True, 40.0, f"site.{OWNER}.local")
    assert first.level == 11


def test_a_resolution_names_the_preferred_peer_first():
    found = naming.Resolution(name=SITE, owner=OWNER, peers=(OTHER, PEER), source="pin", age_s=1.23456, since=0.0)
    row = ROWS.resolution(found, "127.77.0.1")
    assert (row.peer_id, row.peer_ids, row.age_s, row.address) == (
        str(OTHER),
        (str(OTHER), str(PEER)),
        1.235,
        "127.77.0.1",
    )


def test_a_peer_that_is_not_up_has_blanks():
    row = peer_row(PeerStatus(peer=PEER, state=State.BACKING_OFF, kept=True, sessions=0, failure="refused"))
    assert (row.state, row.path, row.rtt_ms, row.agent, row.address) == ("backing off", None, None, None, None)
    up = PeerStatus(
        peer=PEER,
        state=State.UP,
        kept=True,
        sessions=1,
        path="direct",
        rtt_ms=1.23456,
        agent="beam/1",
        address=Multiaddr.from_address(APP, PEER),
    )
    assert (peer_row(up).rtt_ms, peer_row(up).address) == (1.235, f"/ip4/127.0.0.1/tcp/3000/p2p/{PEER}")


def test_a_forward_says_why_it_does_not_listen():
    spec = ForwardSpec(destination="site.local", port=80, listen=TcpAddress("127.0.0.1", 8080))
    row = forward_row(ForwardStatus(spec=spec, state="no-port", failure="in use", failed_at=1.00049))
    assert (row.listen, row.listening, row.state) == ("127.0.0.1:8080", False, "no-port")
    assert (row.failure, row.failed_at, row.failed) == ("in use", 1.0, 0)


def test_a_server_that_is_off_has_no_address():
    assert (address_text(APP), address_text(None)) == ("127.0.0.1:3000", None)
