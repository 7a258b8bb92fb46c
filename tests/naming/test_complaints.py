import trio
from structlog.testing import capture_logs

from beam_actors.errors import RemoteProtocolError
from beam_actors.naming.complaints import Complaints
from beam_actors.testing.clock import SimClock
from tests.naming.builders import peer


async def test_the_first_is_said_at_once_and_the_others_once_a_minute_with_their_number(autojump_clock):
    complaints = Complaints("peers are refused", SimClock())
    with capture_logs() as lines:
        for number in range(100):
            complaints.note(peer(number % 3), RemoteProtocolError(f"noise {number}"))
            await trio.sleep(1)
    said = [line for line in lines if line["log_level"] == "info"]
    assert [(line["count"], line["error"]) for line in said] == [(1, "noise 0"), (60, "noise 60")]
    assert len(lines) == 100
    assert "39 since" in repr(complaints)
