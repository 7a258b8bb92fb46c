import pytest

from tests.peers.kad.lab import KadNode
from tests.peers.kad.net import Net
from tests.peers.lab import World


@pytest.fixture
def world():
    return World(KadNode)


@pytest.fixture(scope="module")
def net():
    return Net(300)
