"""Patience with an actor that restarts: ask, and ask again while it is between two incarnations, until a deadline.

Invariant: what is tried again was not answered because nobody ran, or because who ran was stopped. A crash over the
message is passed on at once (`ActorCrashed`), since the next incarnation may crash over it, too. It is for those who
stand outside of the tree, as facades do: a handler must not wait.
"""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import trio

from beam_actors.errors import ActorDead, ActorUnavailable, TimedOut
from beam_actors.runtime.ref import Ref

T = TypeVar("T")
GONE: tuple[type[Exception], ...] = (ActorDead, ActorUnavailable)
"""What an ask raises when its actor does not run, or ended in order before it answered."""
_RETRY = 0.05
"""Seconds between two attempts: most restarts take a hundredth of that."""


async def persist(
    attempt: Callable[[], Awaitable[T]], *, seconds: float, late: str, over: tuple[type[Exception], ...] = GONE
) -> T:
    """Await `attempt()` again and again while it raises one of `over`; what it returns, or whatever else it raises.

    Raises:
        TimedOut: with `late` as its sentence, when that took `seconds`; an attempt under way is cancelled then.
    """
    try:
        with trio.fail_after(seconds):
            while True:
                try:
                    return await attempt()
                except over:
                    await trio.sleep(_RETRY)
    except trio.TooSlowError:
        raise TimedOut(late) from None


async def ask_patiently(ref: Ref, message: Any, *, seconds: float) -> Any:
    """The reply to `message`, which must carry no handle: one that can't be delivered is disposed of with its handle.

    Raises:
        TimedOut: the actor did not come back, or did not answer, within `seconds`.
    """
    return await persist(
        lambda: ref.ask(message), seconds=seconds, late=f"{ref.path} did not answer within {seconds:g} s."
    )
