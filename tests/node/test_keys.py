from contextlib import suppress

import pytest

from beam_actors.errors import KeystoreDamaged, NotAllowed, StorageError, WrongPassphrase
from beam_actors.identity import OwnerChain
from beam_actors.node.keys import DEVICE_KEY, KEYSTORE, PHRASE, open_keys, take_owner_key
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles


class Interrupted(Exception):
    pass


def at(disk, on_point=None):
    return SimFiles(disk, on_point=on_point)


async def keys(files, passphrase=None, seed=1):
    return await open_keys(files, SeededEntropy(seed), InlineCompute(), passphrase)


async def test_the_first_start_makes_keys_and_the_next_finds_them():
    disk = MemoryDisk()
    made = await keys(at(disk))
    again = await keys(at(disk), seed=2)
    assert (made.peer.seed, made.owner) == (again.peer.seed, again.owner)


async def test_the_owner_is_the_one_of_the_written_phrase():
    files = at(MemoryDisk())
    made = await keys(files)
    assert OwnerChain.from_phrase(files.read(PHRASE).decode()).owner_id == made.owner.owner_id


@pytest.mark.parametrize("reached", range(1, 13))
async def test_a_first_start_that_is_cut_short_is_completed_by_the_next_with_the_same_phrase(reached):
    disk, left = MemoryDisk(), [reached]

    def on_point(_point):
        left[0] -= 1
        if left[0] == 0:
            raise Interrupted

    try:
        await keys(at(disk, on_point))
    except Interrupted:
        pass
    else:
        assert left[0] > 0, "the point is beyond the last"
        return
    disk.crash()
    phrase = at(disk).read(PHRASE)
    completed = await keys(at(disk), seed=2)
    again = await keys(at(disk), seed=3)
    assert completed.peer.seed == again.peer.seed
    if phrase is not None:
        assert OwnerChain.from_phrase(phrase.decode()).owner_id == completed.owner.owner_id


async def test_a_passphrase_is_needed_and_only_the_right_one_opens():
    disk = MemoryDisk()
    made = await keys(at(disk), "correct horse")
    assert (await keys(at(disk), "correct horse", seed=2)).peer.seed == made.peer.seed
    for wrong in ("battery staple", None):
        with pytest.raises(WrongPassphrase):
            await keys(at(disk), wrong)
    assert at(disk).read(DEVICE_KEY) is None


async def test_a_passphrase_for_a_keystore_without_one_is_an_error():
    disk = MemoryDisk()
    await keys(at(disk))
    with pytest.raises(WrongPassphrase, match="no passphrase"):
        await keys(at(disk), "needless")


async def test_a_lost_device_key_says_so():
    disk = MemoryDisk()
    await keys(at(disk))
    at(disk).remove(DEVICE_KEY)
    with pytest.raises(KeystoreDamaged, match="device key"):
        await keys(at(disk))


async def test_a_phrase_file_that_is_no_text_is_not_overwritten():
    files = at(MemoryDisk())
    files.write(PHRASE, b"\xff\xfe")
    with pytest.raises(StorageError):
        await keys(files)
    assert files.read(KEYSTORE) is None
    assert files.read(PHRASE) == b"\xff\xfe"


@pytest.mark.parametrize(
    "damage", [lambda data: b"", lambda data: data[:100], lambda data: data[:150] + b"X" + data[151:]]
)
async def test_a_damaged_keystore_is_named_with_a_remedy_that_exists(damage):
    disk = MemoryDisk()
    before = await keys(at(disk))
    files = at(disk)
    files.write(KEYSTORE, damage(files.read(KEYSTORE)))
    with pytest.raises(KeystoreDamaged, match=r"/simulated/keystore and .*device-key from a backup.*beam\.sqlite away"):
        await keys(files)
    for name in (KEYSTORE, DEVICE_KEY):
        files.remove(name)
    assert (await keys(files, seed=2)).owner.owner_id == before.owner.owner_id


async def test_a_phrase_file_that_holds_no_phrase_is_named():
    files = at(MemoryDisk())
    files.write(PHRASE, b"abandon\n")
    with pytest.raises(StorageError, match=r"/simulated/recovery-phrase\.txt holds no recovery phrase"):
        await keys(files)
    assert files.read(KEYSTORE) is None


async def take(files, key, passphrase=None, seed=5):
    return await take_owner_key(files, SeededEntropy(seed), InlineCompute(), passphrase, key)


@pytest.mark.parametrize("passphrase", [None, "correct horse"])
async def test_a_later_key_of_the_owner_takes_the_place_of_the_one_before(passphrase):
    files = at(MemoryDisk())
    before = await keys(files, passphrase)
    chain = OwnerChain.from_phrase(files.read(PHRASE).decode())
    await take(files, chain.era_key(2), passphrase)
    after = await keys(files, passphrase, seed=3)
    assert (after.owner, after.peer.seed) == (chain.era_key(2), before.peer.seed)
    with pytest.raises(NotAllowed, match="era 2 already"):
        await take(files, chain.era_key(1), passphrase)
    with pytest.raises(NotAllowed, match="another --home"):
        await take(files, OwnerChain(bytes(32)).era_key(3), passphrase)
    assert (await keys(files, passphrase, seed=4)).owner == chain.era_key(2)


async def test_a_wrong_passphrase_changes_no_key():
    files = at(MemoryDisk())
    await keys(files, "correct horse")
    chain = OwnerChain.from_phrase(files.read(PHRASE).decode())
    sealed = files.read(KEYSTORE)
    for wrong in ("battery staple", None):
        with pytest.raises(WrongPassphrase):
            await take(files, chain.era_key(1), wrong)
    assert files.read(KEYSTORE) == sealed


async def test_a_home_without_keys_gets_them_for_the_owner_of_a_phrase():
    files = at(MemoryDisk())
    key = OwnerChain(bytes(32)).era_key(1)
    made = await take(files, key)
    assert (await keys(files, seed=2)).owner == made.owner == key
    assert files.read(PHRASE) is None  # whoever recovers has it elsewhere


@pytest.mark.parametrize("reached", range(1, 6))
async def test_an_exchange_that_is_cut_short_leaves_the_old_key_or_the_new_one(reached):
    disk, left = MemoryDisk(), [reached]
    await keys(at(disk))
    chain = OwnerChain.from_phrase(at(disk).read(PHRASE).decode())

    def on_point(_point):
        left[0] -= 1
        if left[0] == 0:
            raise Interrupted

    with suppress(Interrupted):
        await take(at(disk, on_point), chain.era_key(1))
    disk.crash()
    assert (await keys(at(disk), seed=2)).owner in (chain.era_key(0), chain.era_key(1))
