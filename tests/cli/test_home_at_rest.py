"""What changes a home at rest holds its lock, whoever calls it."""

import pytest

from beam_actors.cli.context import App
from beam_actors.cli.home_at_rest import act, install
from beam_actors.cli.output import Output
from beam_actors.errors import HomeInUse, StorageError
from beam_actors.identity import OwnerChain
from beam_actors.node.keys import KEYSTORE
from beam_actors.world.home_lock import HomeLock

CHAIN = OwnerChain(bytes(range(32)))


@pytest.fixture
def app(home):
    return App(home, Output(as_json=False))


async def era(owning):
    return (await owning.keys()).owner.era


def test_a_home_that_somebody_holds_gets_no_key(app, home):
    with HomeLock(home.path), pytest.raises(HomeInUse, match="nothing was changed"):
        install(app, CHAIN, None, None, heard=0)
    assert not home.file(KEYSTORE).exists()
    assert install(app, CHAIN, None, None, heard=0) == 0
    before = home.file(KEYSTORE).read_bytes()
    with HomeLock(home.path):
        for change in (lambda: install(app, CHAIN, 2, None, heard=0), lambda: act(app, CHAIN, None, era)):
            with pytest.raises(HomeInUse):
                change()
    assert home.file(KEYSTORE).read_bytes() == before
    assert install(app, CHAIN, 2, None, heard=0) == 2
    assert install(app, CHAIN, None, None, heard=0) == 2  # that of the home


def test_a_database_without_its_keys_is_left_alone(app, home):
    home.file("beam.sqlite").write_bytes(b"")
    with pytest.raises(StorageError, match="without its keys"):
        install(app, CHAIN, None, None, heard=0)
    assert not home.file(KEYSTORE).exists()
