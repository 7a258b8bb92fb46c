import pytest

from beam_actors.errors import NotAllowed, StorageError, StoreDamaged
from beam_actors.identity import OwnerChain, new_phrase
from beam_actors.naming import claim_rows
from beam_actors.naming.entry import Entry
from beam_actors.naming.holds import Seen
from beam_actors.naming.records import OWN
from beam_actors.node import NodePorts, begin_home, open_home, take_owner_key
from beam_actors.node.home import TABLE
from beam_actors.node.keys import DEVICE_KEY, KEYSTORE, PHRASE
from beam_actors.ports import Change
from beam_actors.testing.clock import SimClock
from beam_actors.testing.compute import InlineCompute
from beam_actors.testing.disk import MemoryDisk
from beam_actors.testing.entropy import SeededEntropy
from beam_actors.testing.files import SimFiles
from beam_actors.testing.store import MemoryStore
from beam_actors.testing.tls import PlainTls
from tests.naming.builders import NOW, claim

LOG = "store.log"


class Home:
    """A disk, and the starts of a daemon on it."""

    def __init__(self):
        self.disk = MemoryDisk()
        self.files = SimFiles(self.disk)
        self.opened = []
        self._starts = 0

    async def open_store(self):
        self.opened.append(await MemoryStore.open(self.disk, LOG))
        return self.opened[-1]

    def ports(self):
        self._starts += 1
        return NodePorts(
            clock=SimClock(),
            entropy=SeededEntropy(self._starts),
            compute=InlineCompute(),
            files=self.files,
            tls=PlainTls(),
            driver=lambda: None,
            control_driver=lambda: None,
            store=self.open_store,
            cpu_clock=None,
            interfaces=lambda: (),
            descriptors=1024,
            uid=0,
        )

    async def start(self, network="beam"):
        """Whose it is, and what was said."""
        async with open_home(self.ports(), None, network) as home:
            assert home.network == network
            await home.settle()
            return (home.keys.owner.owner_id, home.keys.peer.peer_id), home.notes

    async def hold(self, *claims):
        """What a node keeps of claims that it heard."""
        store = await self.open_store()
        await store.commit([claim_rows.put_entry(Entry(one), Seen(NOW, NOW)) for one in claims])
        await store.close()


@pytest.fixture
def home():
    return Home()


async def test_keys_and_database_are_made_and_found_again(home):
    first, notes = await home.start()
    assert notes == ()
    assert await home.start() == (first, ())


async def test_the_database_that_was_opened_is_the_first_that_the_node_opens(home):
    async with open_home(home.ports(), None, "beam") as opened:
        store = await opened.ports.store()
        assert home.opened == [store]
        await store.close()
        again = await opened.ports.store()
        assert home.opened == [store, again]
        await again.close()


async def test_a_database_that_no_node_took_is_closed(home):
    await home.start()
    with pytest.raises(StorageError, match="closed"):
        await home.opened[0].get(TABLE, b"")


@pytest.mark.parametrize("lost", [[KEYSTORE], [KEYSTORE, DEVICE_KEY], [KEYSTORE, PHRASE]])
async def test_without_its_keystore_a_database_gets_no_new_keys(home, lost):
    (owner, _), _ = await home.start()
    kept = {name: home.files.read(name) for name in (DEVICE_KEY, PHRASE) if name not in lost}
    backup = home.files.read(KEYSTORE)
    for name in lost:
        home.files.remove(name)
    with pytest.raises(StorageError, match=rf"(?s)keystore /simulated/keystore is missing.*{owner}.*beam\.sqlite"):
        await home.start()
    assert {name: home.files.read(name) for name in (DEVICE_KEY, PHRASE) if name not in lost} == kept
    assert home.files.read(KEYSTORE) is None
    if lost == [KEYSTORE]:
        home.files.write(KEYSTORE, backup)
        assert (await home.start())[0][0] == owner


async def test_the_remedy_works_and_keeps_the_owner_of_the_phrase(home):
    before, _ = await home.start()
    home.files.remove(KEYSTORE)
    home.disk.remove(LOG)
    after, notes = await home.start()
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert notes == ()


@pytest.mark.parametrize(("gone", "whose"), [((), "machine"), ((PHRASE,), "owner")])
async def test_a_database_of_other_keys_is_refused(home, gone, whose):
    await home.start()
    home.disk.rename(LOG, "aside")
    for name in (KEYSTORE, *gone):
        home.files.remove(name)
    await home.start()
    home.disk.rename("aside", LOG)
    with pytest.raises(StorageError, match=f"another {whose}'s"):
        await home.start()


async def test_an_empty_database_beside_old_keys_is_told(home):
    before, _ = await home.start()
    home.disk.remove(LOG)
    after, (note,) = await home.start()
    assert after == before
    assert "is new" in note
    assert await home.start() == (before, ())


async def test_a_home_that_was_begun_with_keys_has_lost_nothing(home):
    ports = home.ports()
    key = OwnerChain.from_phrase(new_phrase(bytes(32))).era_key(0)
    keys = await take_owner_key(ports.files, ports.entropy, ports.compute, None, key)
    store = await ports.store()
    await begin_home(store, keys)
    await store.close()
    assert await home.start() == ((keys.owner.owner_id, keys.peer.peer_id), ())


async def test_a_database_that_does_not_say_whose_it_is(home):
    await home.start()
    store = await home.open_store()
    await store.commit([Change(TABLE, b"keys", b"garbage")])
    await store.close()
    with pytest.raises(StoreDamaged, match=r"/simulated/beam\.sqlite"):
        await home.start()


async def test_a_database_of_another_network_is_refused_and_left_as_it_is(home):
    """Claims, revocations and last words of the other network would be dropped, and own numbers used twice."""
    first, _ = await home.start("beam")
    await home.hold(claim(0, network="beam"))
    before = home.disk.read(LOG)
    with pytest.raises(NotAllowed, match=r"(?s)beam\.sqlite.*network beam.*test.*leave --network out.*--home"):
        await home.start("test")
    assert home.disk.read(LOG) == before
    assert await home.start("beam") == (first, ())


async def test_a_home_that_holds_nothing_of_names_goes_to_another_network(home):
    """The first one may have been mistyped, and nothing is lost."""
    first, _ = await home.start("baem")
    assert await home.start("beam") == (first, ())
    async with open_home(home.ports(), None, "other", fixed=False) as opened:
        assert opened.network == "beam"
    await home.hold(claim(0, network="beam"))
    with pytest.raises(NotAllowed, match="network beam"):
        await home.start("baem")


@pytest.mark.parametrize("table", [claim_rows.CLAIMS, claim_rows.REVOKED, claim_rows.LAST, OWN])
async def test_whatever_a_home_holds_of_names_keeps_it_in_its_network(home, table):
    """Also what can't be read: it says that there was something."""
    await home.start("beam")
    store = await home.open_store()
    await store.commit([Change(table, b"key", b"garbage")])
    await store.close()
    with pytest.raises(NotAllowed, match="network beam"):
        await home.start("test")


@pytest.mark.parametrize("note", [True, False])
async def test_a_home_stays_in_its_network_when_nobody_says_another(home, note):
    await home.start("test")
    if not note:
        claims = [claim(0, network="test"), claim(1, "bob", network="test"), claim(2, network="beam")]
        await without_note(home, None, *claims)
    async with open_home(home.ports(), None, "beam", fixed=False) as opened:
        assert opened.network == "test"
        await opened.settle()
    await home.hold(claim(0, network="test"))
    with pytest.raises(NotAllowed, match="network test"):
        await home.start("beam")
    await home.start("test")


async def test_a_new_home_is_in_the_usual_network_when_nobody_says_another(home):
    async with open_home(home.ports(), None, "beam", fixed=False) as opened:
        assert opened.network == "beam"
        await opened.settle()
    await home.start("beam")


async def test_a_start_that_fails_binds_a_home_to_no_network(home):
    async with open_home(home.ports(), None, "beam"):
        pass  # no tree stood
    await home.start("test")
    await home.hold(claim(0, network="test"))
    with pytest.raises(NotAllowed, match="network test"):
        await home.start("beam")


async def test_a_disk_that_refuses_the_note_of_a_network_leaves_it_to_the_next_start(home):
    async with open_home(home.ports(), None, "beam") as opened:
        home.disk.broken = True
        await opened.settle()
        home.disk.broken = False
    await home.start("test")


NOTES_THAT_SAY_NOTHING = (None, b"", b"garbage", b"\xff" * 300)


async def without_note(home, note, *claims):
    """What a program of before left in the home, or what damage did."""
    store = await home.open_store()
    rows = [claim_rows.put_entry(Entry(one), Seen(NOW, NOW)) for one in claims]
    await store.commit([Change(TABLE, b"network", note), *rows])
    await store.close()


@pytest.mark.parametrize("note", NOTES_THAT_SAY_NOTHING)
async def test_without_a_note_the_claims_say_in_which_network_a_home_is(home, note):
    first, _ = await home.start("beam")
    await without_note(home, note, claim(0, network="beam"), claim(1, "bob", network="beam"))
    with pytest.raises(NotAllowed, match=r"(?s)network beam.*leave --network out"):
        await home.start("baem")
    assert await home.start("beam") == (first, ())
    await without_note(home, b"garbage", claim(2, "carol", network="other"))
    with pytest.raises(NotAllowed, match="network beam"):  # that of most of them
        await home.start("baem")
    assert await home.start("other") == (first, ())  # some are of this one
    with pytest.raises(NotAllowed, match="network other"):
        await home.start("beam")


@pytest.mark.parametrize("note", NOTES_THAT_SAY_NOTHING)
async def test_a_home_without_claims_and_note_belongs_to_the_network_of_its_next_start(home, note):
    first, _ = await home.start("test")
    await without_note(home, note, claim(0, network="other"))
    store = await home.open_store()
    ((key, row),) = await store.scan(claim_rows.CLAIMS)
    await store.commit([Change(claim_rows.CLAIMS, key, row[:-1])])  # damaged, so it says nothing
    await store.close()
    assert await home.start("beam") == (first, ())
    with pytest.raises(NotAllowed, match="network beam"):  # what is damaged may be of it
        await home.start("test")
