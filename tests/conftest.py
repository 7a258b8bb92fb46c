import os
import signal

import pytest
import structlog
from hypothesis import Phase, settings

from beam_actors.testing.seeded import JumpClock

# Time limits of single examples would measure the machine; the suite's own time-out ends what hangs. The same examples
# each time keep a landing from failing by chance: the soak's fuzzers and HYPOTHESIS_PROFILE=explore look for new ones.
settings.register_profile("beam", deadline=None, print_blob=True, derandomize=True)
settings.register_profile("explore", deadline=None, print_blob=True, max_examples=1000)
# For planted bugs: that they are found is all that is asked, and shrinking takes a hundred times as long.
settings.register_profile("found", settings.get_profile("beam"), phases=[Phase.explicit, Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "beam"))

# Who runs the tests in the background of a shell script hands down that Ctrl-C is ignored, which some tests are about.
signal.signal(signal.SIGINT, signal.default_int_handler)

# The log is the daemon's; tests that want lines configure it themselves.
structlog.configure(logger_factory=structlog.ReturnLoggerFactory())


@pytest.fixture
def autojump_clock():
    """In place of pytest-trio's: the virtual network needs this one."""
    return JumpClock()
