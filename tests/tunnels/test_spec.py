import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import TunnelNotFound, UsageError
from beam_actors.tunnels.access import EVERYONE, Access
from beam_actors.tunnels.spec import (
    Catalogue,
    ForwardSpec,
    TunnelSpec,
    decode_forward,
    decode_tunnel,
    encode_forward,
    encode_tunnel,
    forward_key,
    parse_target,
)
from beam_actors.values import Name, PeerId, TcpAddress
from tests.tunnels.fuzz import fuzz_tunnel_records

ALICE, BOB = (PeerId(bytes([n]) * 32) for n in (1, 2))
ports = st.integers(1, 65535)
targets = st.builds(TcpAddress, st.sampled_from(["127.0.0.1", "::1", "10.0.0.3"]), ports)
accesses = st.just(EVERYONE) | st.sets(st.binary(min_size=32, max_size=32).map(PeerId), max_size=4).map(
    lambda peers: Access(frozenset(peers))
)
names = st.none() | st.sampled_from(["web", "db", "byronwade"]).map(Name)
tunnels = st.builds(TunnelSpec, target=targets, name=names, port=st.none() | ports, access=accesses, kept=st.booleans())
forwards = st.builds(ForwardSpec, destination=st.sampled_from(["web.local", str(ALICE)]), port=ports, listen=targets)


@given(tunnels)
def test_a_tunnel_survives_the_store_within_a_run(spec):
    assert decode_tunnel(encode_tunnel(spec, b"run 1"), b"run 1") == spec


@given(tunnels)
def test_only_kept_tunnels_survive_the_run(spec):
    assert decode_tunnel(encode_tunnel(spec, b"run 1"), b"run 2") == (spec if spec.kept else None)


@given(forwards)
def test_a_forward_survives_the_store(spec):
    assert decode_forward(encode_forward(spec)) == spec


@given(st.binary(max_size=200))
def test_damaged_records_are_refused_by_name(data):
    fuzz_tunnel_records(data)


@given(tunnels, st.data())
def test_flipped_records_are_refused_by_name(spec, data):
    raw = bytearray(encode_tunnel(spec, b"run"))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    fuzz_tunnel_records(bytes(raw))


def test_an_http_tunnel_is_open_to_everyone_unless_somebody_is_named():
    assert TunnelSpec.offer("3000").access == EVERYONE
    assert TunnelSpec.offer("3000", allow=(str(ALICE),)).access == Access(frozenset({ALICE}))


def test_a_raw_port_must_say_who():
    with pytest.raises(UsageError, match="--allow"):
        TunnelSpec.offer("5432", port=5432)
    assert TunnelSpec.offer("5432", port=5432, allow=("everyone",)).ports == (5432,)


@pytest.mark.parametrize(
    ("text", "target"),
    [("3000", "127.0.0.1:3000"), ("localhost:3000", "127.0.0.1:3000"), ("[::1]:3000", "[::1]:3000")],
)
def test_a_port_alone_means_this_machine(text, target):
    assert str(parse_target(text)) == target


@pytest.mark.parametrize("text", ["", "0", "70000", "example.com:80", "-1", "3000 ", "127.0.0.1:", ":80", "1.2.3.4:0"])
def test_what_is_no_target_is_refused(text):
    with pytest.raises(UsageError):
        parse_target(text)


@pytest.mark.parametrize("port", [0, -1, 65536])
def test_what_is_no_port_is_refused(port):
    with pytest.raises(UsageError):
        TunnelSpec(target=TcpAddress("127.0.0.1", 1), port=port)
    with pytest.raises(UsageError):
        ForwardSpec(destination="web", port=port, listen=TcpAddress("127.0.0.1", 1))


def test_a_key_says_what_is_served():
    assert TunnelSpec.offer("3000", name="Web").key == "web.http"
    assert TunnelSpec.offer("5432", port=5432, allow=("everyone",)).key == "_.5432"
    assert forward_key(TcpAddress("::1", 80)) == "--1.80"


def catalogue(*specs):
    offered = Catalogue(limit=10)
    for spec in specs:
        offered.add(spec)
    return offered


WEB = TunnelSpec.offer("3000", name="web")
DB = TunnelSpec.offer("5432", name="web", port=5432, allow=("everyone",))
BARE = TunnelSpec.offer("3001")


def test_a_request_finds_the_tunnel_of_its_name_and_port():
    offered = catalogue(WEB, DB, BARE)
    assert offered.find(Name("web"), 80) == WEB
    assert offered.find(Name("web"), 443) == WEB
    assert offered.find(Name("web"), 5432) == DB
    assert offered.find(None, 80) == BARE
    assert offered.find(Name("web"), 81) is None
    assert offered.find(Name("other"), 80) is None


def test_without_a_name_the_only_service_on_the_port_is_meant():
    assert catalogue(WEB).find(None, 443) == WEB
    assert catalogue(WEB, TunnelSpec.offer("3002", name="other")).find(None, 443) is None


def test_a_tunnel_without_name_is_not_found_by_one():
    assert catalogue(BARE).find(Name("web"), 80) is None


@pytest.mark.parametrize(
    "other",
    [
        TunnelSpec.offer("9", name="web"),
        TunnelSpec.offer("9", name="web", port=443, allow=("everyone",)),
        TunnelSpec.offer("9", name="web", port=5432, allow=("everyone",)),
    ],
)
def test_two_tunnels_never_share_a_port_of_a_name(other):
    offered = catalogue(WEB, DB)
    with pytest.raises(UsageError):
        offered.add(other)
    assert offered.specs == (DB, WEB)


def test_a_node_offers_a_bounded_number():
    offered = Catalogue(limit=1)
    offered.add(WEB)
    with pytest.raises(UsageError, match="1 tunnels"):
        offered.add(BARE)


@pytest.mark.parametrize(
    ("text", "spec"),
    [("web.http", WEB), ("web.5432", DB), ("3001", BARE), ("127.0.0.1:5432", DB), ("localhost:3000", WEB)],
)
def test_a_person_may_name_a_tunnel_in_several_ways(text, spec):
    assert catalogue(WEB, DB, BARE).select(text) == spec


@pytest.mark.parametrize("text", ["web", "nothing", ""])
def test_an_unclear_choice_is_refused_in_words(text):
    with pytest.raises(TunnelNotFound):
        catalogue(WEB, DB, BARE).select(text)
