"""Requests that start a daemon when none runs: what they say, and whether any daemon would grant them.

A request that is refused by its looks starts nothing. The daemon judges it all the same, and more: what stands here is
quick, since a person waits for its imports, too.
"""

from collections.abc import Mapping
from typing import Any

from beam_actors.cli.targets import parse_target
from beam_actors.errors import InvalidName, InvalidValue, UsageError

SUFFIXES = ("localhost", "local")
"""Those of `naming.DEFAULT_SUFFIXES`, whose import takes longer than all of this."""


def expose_body(
    target: str, *, name: str | None, port: int | None, allow: tuple[str, ...], contest: bool
) -> dict[str, Any]:
    """The request for a tunnel; raise `UsageError` for a target that is none."""
    if contest and name is None:
        raise UsageError("--contest claims a name that somebody else holds: say which by --name NAME.")
    return {"target": parse_target(target), "name": name, "port": port, "allow": list(allow), "contest": contest}


def check_expose(body: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a tunnel that no daemon would offer."""
    from beam_actors.values import Access  # noqa: PLC0415 (see above)

    Access.parse(body["allow"], port=body["port"])
    if body["name"] is not None:
        check_name(body["name"])


def check_name(name: str) -> None:
    """Raise `InvalidName` for a text that is neither NAME nor NAME.OWNER, with or without a suffix."""
    from beam_actors.values import Name, OwnerId  # noqa: PLC0415 (see above)

    label, dot, owner = _split(name)
    Name(label)
    if dot:
        try:
            OwnerId.parse(owner)
        except InvalidValue:
            raise InvalidName(f"{name[:80]!r} is neither NAME, NAME.local nor NAME.OWNER.") from None


def plain_name(name: str) -> str:
    """The label of NAME, with or without a suffix; raise `UsageError` for NAME.OWNER where one's own name is meant."""
    label, dot, _owner = _split(name)
    if dot:
        raise UsageError(f"{name[:80]!r} names an owner; this is about your own {label}.")
    return label


def _split(name: str) -> tuple[str, str, str]:
    """The label, the dot and the owner of what a person typed, without the suffix; the last two empty without owner."""
    plain = name.lower().removesuffix(".")
    suffix = next((suffix for suffix in SUFFIXES if plain.endswith(f".{suffix}")), None)
    return (plain if suffix is None else plain.removesuffix(f".{suffix}")).partition(".")
