import math

import pytest
import trio

from beam_actors.errors import ActorCrashed, StartFailed
from beam_actors.runtime import (
    Actor,
    Backoff,
    ChildSpec,
    Intensity,
    Mailbox,
    Pool,
    Restart,
    Supervisor,
    checks,
    receives,
)
from tests.runtime.rig import Child, Say, run_with, system


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: Mailbox(0), ValueError, "A mailbox's capacity is 1 or more, not 0."),
        (lambda: Mailbox(-1), ValueError, "A mailbox's capacity is 1 or more, not -1."),
        (lambda: Mailbox("x"), TypeError, "A mailbox's capacity is a whole number, not 'x'."),
        (lambda: Mailbox(2.5), TypeError, "A mailbox's capacity is a whole number, not 2.5."),
        (lambda: Mailbox(True), TypeError, "A mailbox's capacity is a whole number, not True."),
        (lambda: Mailbox(5, "drop-oldest"), TypeError, "A mailbox's overflow is an Overflow, not 'drop-oldest'."),
        (lambda: Mailbox(5, stash=-1), ValueError, "A mailbox's stash is 0 or more, not -1."),
        (lambda: Backoff(first=-1), ValueError, "A backoff's first is 0 or more, not -1."),
        (lambda: Backoff(first="1"), TypeError, "A backoff's first is a number, not '1'."),
        (lambda: Backoff(most=math.nan), ValueError, "A backoff's most is 0 or more, not nan."),
        (lambda: Backoff(factor=0.5), ValueError, "A backoff's factor is 1 or more, not 0.5."),
        (lambda: Backoff(jitter=1.5), ValueError, "A backoff's jitter is from 0 to 1, not 1.5."),
        (lambda: Backoff(reset=None), TypeError, "A backoff's reset is a number, not None."),
        (lambda: Intensity(restarts=-1), ValueError, "An intensity's restarts is 0 or more, not -1."),
        (lambda: Intensity(restarts=1.5), TypeError, "An intensity's restarts is a whole number, not 1.5."),
        (lambda: Intensity(period=-5), ValueError, "An intensity's period is 0 or more, not -5."),
        (lambda: ChildSpec(3, Child), TypeError, "A child's name is a str, not 3."),
        (lambda: ChildSpec("a", 3), TypeError, "a: a factory is called to make the actor; 3 can't be."),
        (lambda: ChildSpec("a", Child, restart="never"), TypeError, "a: restart is a Restart, not 'never'."),
        (lambda: ChildSpec("a", Child, shutdown=-1), ValueError, "a: shutdown is 0 or more, not -1."),
        (lambda: ChildSpec("a", Child, backoff=1), TypeError, "a: backoff is a Backoff, not 1."),
    ],
)
def test_a_value_that_can_not_be_meant_is_refused_where_it_is_made(make, error, words):
    with pytest.raises(error) as refused:
        make()
    assert type(refused.value) is error
    assert str(refused.value) == words


def test_values_at_the_edge_are_taken():
    assert Mailbox(1, stash=0).stash_capacity == 0
    assert Backoff(0, 0, 1, 0, 0).delay(3, 0.5) == 0
    assert Backoff(1, math.inf, 2, 1, math.inf).delay(3, 0.5) == 8
    assert Intensity(0, math.inf) != Intensity(0, 0)
    assert ChildSpec("a", Child, restart=Restart.TEMPORARY, shutdown=0, significant=True).shutdown == 0
    checks.classes("Nothing", (), Exception)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Supervisor([], strategy="one"), "A supervisor's strategy is a Strategy, not 'one'"),
        (lambda: Supervisor([], intensity=3), "An intensity is an Intensity, not 3"),
        (lambda: Supervisor([], intensity=0), "An intensity is an Intensity, not 0"),
        (lambda: Supervisor([], auto_shutdown=True), "A supervisor's auto_shutdown is an AutoShutdown, not True"),
        (lambda: Supervisor([Child]), r"A supervisor's child is a ChildSpec, not <class '.*\.Child'>"),
        (lambda: Pool(Child, intensity=3), "An intensity is an Intensity, not 3"),
        (lambda: Pool(Child, auto_shutdown=None), "A pool's auto_shutdown is an AutoShutdown, not None"),
        (lambda: Pool(ChildSpec("a", Child)), "A pool's template is called to describe a member; .* can't be"),
    ],
)
async def test_a_supervisor_that_was_told_nonsense_does_not_start(autojump_clock, make, words):
    with pytest.raises(StartFailed, match=words) as failure:
        async with system().run(ChildSpec("node", make)):
            pytest.fail("It started.")
    assert isinstance(failure.value.__cause__, TypeError)


@pytest.mark.parametrize("seconds", [-1, -0.001, math.nan, -math.inf])
async def test_no_timer_goes_backwards(autojump_clock, seconds):
    class Late(Actor):
        @receives(Say)
        def say(self, _message):
            self.send_after(seconds, Say("late"))

    async def body(here):
        with pytest.raises(ActorCrashed, match=f"after 0 or more seconds, not {seconds}"):
            await here.ref("node/late").ask(Say("now"))
        await trio.sleep(1)

    await run_with(body, ChildSpec("late", Late))
