"""What the home of an owner holds: keys, names, and the words that open it."""

import trio

from beam_actors.cli.home import DATABASE
from beam_actors.identity import OwnerChain, Secret, new_phrase, unseal
from beam_actors.node.keys import DEVICE_KEY, KEYSTORE
from beam_actors.world.store import SqliteStore

WORDS = new_phrase(bytes(range(32)))
CHAIN = OwnerChain.from_phrase(WORDS)
OPTIONS = (  # of a daemon that meets nobody and takes no port that is well known
    "--listen",
    "/ip4/127.0.0.1/tcp/0",
    "--dns",
    "off",
    "--https",
    "127.0.0.1:0",
    "--http",
    "off",
    "--network",
    "test",
)


def owner_key(home):
    """The key of the era that the home is in."""
    secret = Secret.device_key(home.file(DEVICE_KEY).read_bytes())
    return unseal(home.file(KEYSTORE).read_bytes(), secret).owner


def keep(home, *changes):
    """Write to its database what a daemon would have."""

    async def write():
        store = await SqliteStore.open(home.file(DATABASE))
        await store.commit(changes)
        await store.close()

    trio.run(write)
