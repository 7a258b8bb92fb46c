from hypothesis import given
from hypothesis import strategies as st

from beam_actors.tunnels.records import decode_forward, decode_name, decode_tunnel, encode_forward, encode_tunnel
from beam_actors.tunnels.spec import ForwardSpec, TunnelSpec
from beam_actors.values import EVERYONE, MAX_PEERS, Access, Name, PeerId, TcpAddress
from tests.tunnels.fuzz import fuzz_tunnel_records

ports = st.integers(1, 65535)
targets = st.builds(TcpAddress, st.sampled_from(["127.0.0.1", "::1", "10.0.0.3"]), ports)
accesses = st.just(EVERYONE) | st.sets(st.binary(min_size=32, max_size=32).map(PeerId), max_size=4).map(
    lambda peers: Access(frozenset(peers))
)
names = st.none() | st.sampled_from(["web", "db", "byronwade"]).map(Name)
tunnels = st.builds(TunnelSpec, target=targets, name=names, port=st.none() | ports, access=accesses, kept=st.booleans())
destinations = st.sampled_from(["web.local", str(PeerId(bytes(32)))])
forwards = st.builds(ForwardSpec, destination=destinations, port=ports, listen=targets)


@given(tunnels)
def test_a_tunnel_survives_the_store_within_a_run(spec):
    assert decode_tunnel(encode_tunnel(spec, b"run 1"), b"run 1") == spec


def test_the_longest_list_of_peers_survives_the_store():
    access = Access(frozenset(PeerId(bytes([number]) * 32) for number in range(MAX_PEERS)))
    spec = TunnelSpec(target=TcpAddress("127.0.0.1", 1), access=access)
    assert decode_tunnel(encode_tunnel(spec, b"run 1"), b"run 1") == spec


@given(tunnels)
def test_only_kept_tunnels_survive_the_run(spec):
    assert decode_tunnel(encode_tunnel(spec, b"run 1"), b"run 2") == (spec if spec.kept else None)
    assert decode_name(encode_tunnel(spec, b"run 1")) == spec.name


@given(forwards)
def test_a_forward_survives_the_store(spec):
    assert decode_forward(encode_forward(spec)) == spec


@given(st.binary(max_size=200))
def test_damaged_records_are_refused_by_name(data):
    fuzz_tunnel_records(data)
    assert decode_name(data) is None


@given(tunnels, st.data())
def test_flipped_records_are_refused_by_name(spec, data):
    raw = bytearray(encode_tunnel(spec, b"run"))
    raw[data.draw(st.integers(0, len(raw) - 1))] ^= data.draw(st.integers(1, 255))
    fuzz_tunnel_records(bytes(raw))
