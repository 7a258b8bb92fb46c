import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import RemoteProtocolError
from beam_actors.wire.noise import AES, CHACHA, MAX_PLAINTEXT, CipherState
from beam_actors.wire.records import OVERHEAD, TAG_SPACE, RecordReader, seal_records

KEY = b"k" * 32


def seal(plaintexts, suite=AES):
    parts = [part for text in plaintexts for part in ((len(text) + 16).to_bytes(2, "big"), text, TAG_SPACE)]
    return bytes(seal_records(CipherState(suite, KEY), [len(text) for text in plaintexts], parts))


def read(reader, data):
    return [bytes(part) for part in reader.open(memoryview(bytearray(data)))]


@pytest.mark.parametrize("suite", [AES, CHACHA], ids=["aes", "chacha"])
@given(plaintexts=st.lists(st.binary(max_size=200), max_size=6), data=st.data())
def test_cuts_change_nothing(suite, plaintexts, data):
    sealed = seal(plaintexts, suite)
    assert len(sealed) == sum(map(len, plaintexts)) + OVERHEAD * len(plaintexts)
    reader, found = RecordReader(CipherState(suite, KEY)), []
    while sealed:
        size = data.draw(st.integers(1, len(sealed)))
        found += read(reader, sealed[:size])
        sealed = sealed[size:]
    assert found == plaintexts


def test_a_whole_record_is_opened_in_place():
    buffer = bytearray(seal([b"hello"]))
    (plaintext,) = RecordReader(CipherState(AES, KEY)).open(memoryview(buffer))
    assert plaintext.obj is buffer
    assert buffer[2:7] == b"hello"


def test_the_largest_record():
    text = bytes(range(256)) * 256
    assert read(RecordReader(CipherState(AES, KEY)), seal([text[:MAX_PLAINTEXT]])) == [text[:MAX_PLAINTEXT]]


def test_every_flipped_bit_fails():
    sealed = seal([b"hello", b"world"])
    for position in range(len(sealed) * 8):
        wrong = bytearray(sealed)
        wrong[position // 8] ^= 1 << position % 8
        reader, found = RecordReader(CipherState(AES, KEY)), []
        try:
            found += [bytes(part) for part in reader.open(memoryview(wrong))]
            found += read(reader, bytes(1 << 16))  # a length that grew waits for more, which then fails
        except RemoteProtocolError:
            assert reader.broken
        else:
            raise AssertionError(position)
        assert found in ([], [b"hello"])


@pytest.mark.parametrize("change", ["swap", "repeat", "drop"])
def test_order_is_part_of_what_is_sealed(change):
    first, second = (seal([b"one", b"two"])[start : start + 21] for start in (0, 21))
    records = {"swap": second + first, "repeat": first + first, "drop": second}[change]
    with pytest.raises(RemoteProtocolError):
        read(RecordReader(CipherState(AES, KEY)), records)


@pytest.mark.parametrize("size", [0, 15])
def test_shorter_than_a_tag(size):
    with pytest.raises(RemoteProtocolError):
        read(RecordReader(CipherState(AES, KEY)), size.to_bytes(2, "big"))
