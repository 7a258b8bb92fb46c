import pytest

from tests.peers.lab import World


@pytest.fixture
def world():
    return World()
