"""Requests that start a daemon when none runs: what they say, and whether any daemon would grant them.

A request that is refused by its looks starts nothing. The daemon judges it all the same: these are its own checks,
whose imports are paid for only where a daemon must be started, which takes longer.
"""

from collections.abc import Mapping
from typing import Any

from beam_actors.cli.targets import parse_target
from beam_actors.errors import UsageError


def expose_body(
    target: str, *, name: str | None, port: int | None, allow: tuple[str, ...], contest: bool
) -> dict[str, Any]:
    """The request for a tunnel; raise `UsageError` for a target that is none."""
    if contest and name is None:
        raise UsageError("--contest claims a name that somebody else holds: say which by --name NAME.")
    return {"target": parse_target(target), "name": name, "port": port, "allow": list(allow), "contest": contest}


def check_expose(body: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a tunnel that no daemon would offer."""
    from beam_actors.control import check_expose  # noqa: PLC0415 (see above)

    check_expose(body)
    if body["name"] is not None:
        check_name(body["name"])


def check_name(name: str) -> None:
    """Raise `InvalidName` for a text that is no name."""
    from beam_actors.naming import DEFAULT_SUFFIXES, parse_query  # noqa: PLC0415 (see above)

    parse_query(name, DEFAULT_SUFFIXES)
