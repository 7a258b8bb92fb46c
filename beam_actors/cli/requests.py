"""Requests that start a daemon when none runs: what they say, and whether any daemon would grant them.

A request that is refused by its looks starts nothing. The daemon judges it all the same, and more: what stands here is
quick, since a person waits for its imports, too.
"""

from collections.abc import Mapping
from typing import Any

from beam_actors.cli.targets import parse_target
from beam_actors.cli.typed import check_name, check_peers, name_of
from beam_actors.errors import UsageError


def expose_body(
    target: str, *, name: str | None, port: int | None, allow: tuple[str, ...], contest: bool
) -> dict[str, Any]:
    """The request for a tunnel; raise `UsageError` for a target that is none, or another id than a machine's."""
    if contest and name is None:
        raise UsageError("--contest claims a name that somebody else holds: say which by --name NAME.")
    check_peers(allow)
    wanted = None if name is None else name_of(name)
    return {"target": parse_target(target), "name": wanted, "port": port, "allow": list(allow), "contest": contest}


def check_expose(body: Mapping[str, Any]) -> None:
    """Raise `UsageError` for a tunnel that no daemon would offer."""
    from beam_actors.values import Access  # noqa: PLC0415 (see above)

    Access.parse(body["allow"], port=body["port"])
    if body["name"] is not None:
        check_name(body["name"])
