from hypothesis import given
from hypothesis import strategies as st

from beam_actors.peers import PeerDown, PeerUp
from beam_actors.peers.alarm import Alarm
from beam_actors.peers.messages import Stayed
from beam_actors.peers.news import News
from tests.peers.lab import STRANGER


class Subscriber:
    def __init__(self):
        self.heard = []

    def tell(self, message):
        self.heard.append(message)


class Timer:
    def __init__(self):
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


class Stage:
    def __init__(self):
        self.subscriber, self.timers = Subscriber(), []
        self.news = News(STRANGER, [self.subscriber], Alarm(self._send_after, Stayed()), 1.0)

    def _send_after(self, _seconds, _message):
        self.timers.append(Timer())
        return self.timers[-1]

    @property
    def heard(self):
        return self.subscriber.heard


def test_who_leaves_before_it_was_announced_was_never_there():
    stage = Stage()
    stage.news.up(at_once=False)
    assert stage.news.waiting
    stage.news.down()
    stage.news.due()  # the timer's message crossed that
    assert stage.heard == []
    assert all(timer.cancelled for timer in stage.timers)


def test_who_stays_is_announced_and_whoever_is_wanted_at_once():
    late, early = Stage(), Stage()
    late.news.up(at_once=False)
    assert late.heard == []
    late.news.due()
    early.news.up(at_once=True)
    assert late.heard == early.heard == [PeerUp(STRANGER)]
    assert not late.news.waiting


@given(st.lists(st.sampled_from(["up", "up at once", "due", "down"])))
def test_up_and_down_alternate(steps):
    stage = Stage()
    for step in steps:
        if step.startswith("up"):
            stage.news.up(at_once=step == "up at once")
        else:
            getattr(stage.news, step)()
        assert stage.heard == [PeerUp(STRANGER), PeerDown(STRANGER)] * (len(stage.heard) // 2) + (
            [PeerUp(STRANGER)] if len(stage.heard) % 2 else []
        )
        assert sum(not timer.cancelled for timer in stage.timers) == stage.news.waiting
