import pytest

from tests.tunnels.lab import World


@pytest.fixture
def world():
    return World()
