from beam_actors.peers.alarm import Alarm


class Timer:
    def __init__(self, seconds):
        self.seconds = seconds
        self.cancelled = False

    def cancel(self):
        self.cancelled = True


def test_of_several_only_the_last_rings():
    timers = []

    def send_after(seconds, message):
        assert message == "ring"
        timers.append(Timer(seconds))
        return timers[-1]

    alarm = Alarm(send_after, "ring")
    alarm.cancel()
    alarm.set(1.0)
    alarm.set(2.0)
    assert [(timer.seconds, timer.cancelled) for timer in timers] == [(1.0, True), (2.0, False)]
    alarm.cancel()
    assert timers[-1].cancelled
