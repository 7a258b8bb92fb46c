"""Fuzz entry points of the values: each takes any bytes and must return; what is accepted must survive a round trip."""

from beam_actors.errors import InvalidName, InvalidValue
from beam_actors.values import (
    Multiaddr,
    Name,
    OwnerId,
    PeerId,
    Record,
    TcpAddress,
    decode_base58,
    decode_uvarint,
    encode_base58,
    encode_record,
    encode_uvarint,
)


def fuzz_varint(data: bytes) -> None:
    try:
        decoded = decode_uvarint(data)
    except InvalidValue:
        return
    if decoded is not None:
        value, end = decoded
        assert encode_uvarint(value) == data[:end]


def fuzz_multiaddr_bytes(data: bytes) -> None:
    try:
        address = Multiaddr.from_bytes(data)
    except InvalidValue:
        return
    assert Multiaddr.parse(str(address)) == address
    assert Multiaddr.from_bytes(address.to_bytes()) == address
    assert address.to_bytes() == data


def fuzz_text(data: bytes) -> None:
    """Every parser of text, with any text; undecodable bytes become lone surrogates."""
    text = data.decode("utf-8", "surrogateescape")
    for parse, refused in (
        (Multiaddr.parse, InvalidValue),
        (PeerId.parse, InvalidValue),
        (OwnerId.parse, InvalidValue),
        (Name.parse, InvalidName),
        (TcpAddress.parse, InvalidValue),
    ):
        try:
            value = parse(text)
        except refused:
            continue
        assert parse(str(value)) == value
    try:
        raw = decode_base58(text[:200])
    except InvalidValue:
        return
    assert encode_base58(raw) == text[:200]


def fuzz_record(data: bytes) -> None:
    try:
        record = Record.decode(data, limit=512)
    except InvalidValue:
        return
    assert encode_record(record.fields) == data
