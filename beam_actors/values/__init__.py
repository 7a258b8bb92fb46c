"""Validated value types that every room uses: immutable, hashable, parsed once at the edge and trusted afterwards."""

from beam_actors.values.access import EVERYONE, MAX_PEERS, Access
from beam_actors.values.address import Address, TcpAddress, UnixAddress, check_port
from beam_actors.values.base58 import decode_base58, encode_base58
from beam_actors.values.bucket import Bucket
from beam_actors.values.empty import EMPTY
from beam_actors.values.multiaddr import Multiaddr
from beam_actors.values.name import Name
from beam_actors.values.owner_id import OwnerId
from beam_actors.values.peer_id import PeerId
from beam_actors.values.record import Plain, Record, encode_record
from beam_actors.values.varint import decode_uvarint, encode_uvarint

__all__ = [
    "EMPTY",
    "EVERYONE",
    "MAX_PEERS",
    "Access",
    "Address",
    "Bucket",
    "Multiaddr",
    "Name",
    "OwnerId",
    "PeerId",
    "Plain",
    "Record",
    "TcpAddress",
    "UnixAddress",
    "check_port",
    "decode_base58",
    "decode_uvarint",
    "encode_base58",
    "encode_record",
    "encode_uvarint",
]
