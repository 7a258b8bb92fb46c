import asyncio
import time

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


@pytest.fixture
def no_clock_and_no_asyncio(monkeypatch):
    """The package's buckets would look at the machine's clock, and its table start tasks of asyncio."""

    def refuse(*args):
        raise AssertionError("The table looked at a clock, or started asyncio.")

    monkeypatch.setattr(time, "monotonic", refuse)
    monkeypatch.setattr(asyncio, "ensure_future", refuse)
    yield
    monkeypatch.undo()
