"""Which method of an actor takes which message: by the message's type, of which the closest class wins.

Invariant: a class's table is complete when the class is made, a subclass's handler goes before that of its base, and
what was found for a type is found again without a search. It knows no message, no actor at work and no mailbox.
"""

from collections.abc import Callable
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Handlers = dict[type, str]
"""Message type -> the name of the method that takes it."""


def receives(*types: type) -> Callable[[F], F]:
    """Mark a method as the handler of messages of these types and their subclasses."""

    def mark(method: F) -> F:
        method.__beam_receives__ = types  # type: ignore[attr-defined]  # read once, by `handlers_of`
        return method

    return mark


def handlers_of(actor: type) -> Handlers:
    """The handlers that were marked in the class and its bases."""
    handlers: Handlers = {}
    for base in reversed(actor.__mro__):
        for name, method in vars(base).items():
            for message_type in getattr(method, "__beam_receives__", ()):
                handlers[message_type] = name
    return handlers


def find_handler(handlers: Handlers, message_type: type) -> str | None:
    """The method for messages of exactly this type, remembered in `handlers` if it is that of a base; None for none."""
    name = handlers.get(message_type)
    if name is None:
        for base in message_type.__mro__[1:]:
            if base in handlers:
                name = handlers[message_type] = handlers[base]
                break
    return name
