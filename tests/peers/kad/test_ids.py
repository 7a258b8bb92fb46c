import hashlib

from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers.kad.ids import BITS, distance, node_id
from beam_actors.values import PeerId

ids = st.binary(min_size=32, max_size=32)


def test_a_place_is_the_hash_of_the_multihash():
    peer = PeerId(bytes(range(32)))
    multihash = bytes.fromhex("0024080112" + "20") + bytes(range(32))
    assert node_id(peer) == hashlib.blake2b(multihash, digest_size=32, person=b"beam-node-id-1").digest()
    assert node_id(peer).hex() == "8d5ef02968f853df240c9b02be01b5852ff02775829f23e4f6ee1a2887dd3246"


@given(ids, ids, ids)
def test_distance_is_a_metric_in_which_each_is_nearest_to_itself(a, b, c):
    assert distance(a, a) == 0
    assert distance(a, b) == distance(b, a) < 2**BITS
    assert (distance(a, b) == 0) is (a == b)
    assert distance(a, c) <= distance(a, b) + distance(b, c)
    assert distance(a, c) == distance(a, b) ^ distance(b, c)  # so of all that are equally far from a, there is one
