import pytest

from tests.peers.kad.lab import KadNode
from tests.peers.lab import World


@pytest.fixture
def world():
    return World(KadNode)
