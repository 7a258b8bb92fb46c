import pytest

from beam_actors.world.clock import SystemClock
from beam_actors.world.epoll import EpollDriver


@pytest.fixture
async def driver():
    driver = EpollDriver(SystemClock())
    yield driver
    driver.close()
