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
    """Mark a method as the handler of messages of these types and their subclasses.

    Raises:
        TypeError: there are none, or one of them is no class; or the method was marked already.
    """
    if not types or not all(isinstance(one, type) for one in types):
        given = ", ".join(map(repr, types)) or "nothing"
        raise TypeError(f"A handler is marked with the classes of its messages, @receives(Type, ...), not {given}.")

    def mark(method: F) -> F:
        if hasattr(method, "__beam_receives__"):
            raise TypeError(f"{method.__qualname__} is marked twice; all types are in one @receives(Type, ...).")
        method.__beam_receives__ = types  # type: ignore[attr-defined]  # read once, by `handlers_of`
        return method

    return mark


def handlers_of(actor: type) -> Handlers:
    """The handlers that were marked in the class and its bases.

    Raises:
        TypeError: two methods of one class take messages of the same type.
    """
    handlers: Handlers = {}
    for base in reversed(actor.__mro__):
        marked: Handlers = {}
        for name, method in vars(base).items():
            for message_type in getattr(method, "__beam_receives__", ()):
                other = marked.setdefault(message_type, name)
                if other != name:
                    raise TypeError(f"{base.__name__}.{other} and {name} both take {message_type.__name__}.")
        handlers |= marked
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
