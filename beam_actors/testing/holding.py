"""A test's promise that no actor holds the loop: handlers, workers and everything between two checkpoints are quick."""

from collections.abc import Iterator
from contextlib import contextmanager

from beam_actors.runtime import Event, System


class LoopHeld(AssertionError):
    """An actor held the loop longer than the system's step limit; the message lists which, with what, and how long."""


@contextmanager
def no_actor_holds_the_loop(system: System) -> Iterator[None]:
    """Fail the test at the end of the block if a step of an actor took longer than the system's limit.

    Raises:
        LoopHeld: at the end. An error of the block itself goes before it.
        ValueError: the system was made without a `step_limit`, so it would never tell.
    """
    steps = system.steps
    if steps is None:
        raise ValueError(f"{system!r} times no steps: give it System(step_limit=StepLimit(seconds, clock)).")
    held: list[Event] = []
    before = steps.held
    stop = system.observe(lambda event: held.append(event) if event.kind == "held" else None)
    try:
        yield
    finally:
        stop()
    # Counted apart from the events, whose number is limited: a report just before must not hide what comes now.
    if steps.held > before:
        reports = "; ".join(f"{event.path}#{event.incarnation}: {event.detail}" for event in held)
        raise LoopHeld(f"{steps.held - before} steps took too long: {reports or 'by an actor reported just before'}.")
