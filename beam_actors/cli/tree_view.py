"""What is said of an actor in one line, and which lines of a tree are shown where there is no room for all (pure).

Invariant: what a person looks for is shown first: who restarts, waits, is busy or has a full mailbox, with everybody
above it. What is not shown is counted where it would stand. It knows the answer of `GET /v1/tree` and no terminal.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from beam_actors.cli.output import counted, duration
from beam_actors.errors import ActorNotFound, UsageError

Node = Mapping[str, Any]
_BUSY = 0.1
_RECENT = 10.0
_CALM = {"running"}


class Counts(NamedTuple):
    """A tree in numbers."""

    actors: int
    restarts: int
    waiting: int
    not_running: int


def describe(node: Node) -> str:
    """One actor in one line."""
    return one_line(" · ".join([name_of(node), str(node["state"]), *_facts(node)]))


def name_of(node: Node) -> str:
    """The last part of its path."""
    return str(node["path"]).rpartition("/")[2]


def _facts(node: Node) -> Iterator[str]:
    if node["restarts"]:
        yield f"{counted(node['restarts'], 'restart')} (incarnation {node['incarnation']})"
    if node["last_exit"]:
        exits = node.get("exits") or ()
        ago = f" {duration(min(past['ago_s'] for past in exits))} ago" if exits else ""
        yield f"last exit{ago}: {node['last_exit']}"
    yield from _queue(node)
    if node.get("message"):
        busy = node.get("busy_s") or 0.0
        yield f"handling {node['message']}" + (f" for {precise(busy)}" if busy >= _BUSY else "")
    if node.get("waits_for"):
        yield f"waits for {node['waits_for']}"
    if node.get("workers_wait_for"):
        yield f"its workers wait for {', '.join(node['workers_wait_for'])}"
    if node.get("links"):
        yield f"linked with {', '.join(node['links'])}"
    if node.get("groups"):
        yield f"in {', '.join(node['groups'])}"
    if (node.get("cpu_s") or 0.0) >= _BUSY:
        yield f"cpu {precise(node['cpu_s'])}"
    yield f"up {duration(node['uptime_s'])}"


def _queue(node: Node) -> Iterator[str]:
    capacity = node.get("capacity")
    of = f" of {capacity}" if capacity else ""
    if node["mailbox"]:
        yield f"{node['mailbox']}{of} waiting"
    if node.get("stashed"):
        yield f"{node['stashed']}{'' if node['mailbox'] else of} stashed"


def describe_dead(row: Node) -> str:
    """One of the recently dead in one line, with its path whole."""
    parts = [str(row["path"]), str(row["reason"]), f"{duration(row['ago_s'])} ago"]
    if row["last_messages"]:
        parts.append(f"last messages {', '.join(row['last_messages'])}")
    return one_line(" · ".join(parts))


def one_line(text: str) -> str:
    """An error's words may have several; what counts lines must not be told so by them."""
    return " ".join(text.split())


def precise(seconds: float) -> str:
    """Short times for people: 85 µs, 3.2 ms, 1.4 s, 12 min."""
    for limit, factor, unit in ((0.001, 1_000_000, "µs"), (0.1, 1000, "ms"), (60.0, 1, "s")):
        if seconds < limit:
            value = seconds * factor
            return f"{value:.1f} {unit}" if value < 10 and unit != "µs" else f"{value:.0f} {unit}"
    return duration(seconds)


def style_of(node: Node) -> str:
    """The colour of its name."""
    if node["state"] in {"starting", "waiting", "stopping"}:
        return "yellow"
    if node["state"] not in _CALM:
        return "red"
    return "green" if _interest(node) < _TROUBLE else "bold yellow"


def walk(node: Node, depth: int = 0) -> Iterator[tuple[int, Node]]:
    """Each actor with its depth, from the top."""
    yield depth, node
    for child in node["children"]:
        yield from walk(child, depth + 1)


def count(root: Node) -> Counts:
    """A tree in numbers."""
    nodes = [node for _, node in walk(root)]
    return Counts(
        len(nodes),
        sum(node["restarts"] for node in nodes),
        sum(node["mailbox"] + (node.get("stashed") or 0) for node in nodes),
        sum(node["state"] not in _CALM for node in nodes),
    )


def find(answer: Node, text: str) -> Node:
    """The part of an answer at a path, or at one that alone ends so, with its own dead.

    Raises:
        ActorNotFound: there is none.
        UsageError: there are several.
    """
    path = text.strip("/")
    nodes = [node for _, node in walk(answer)]
    found = [node for node in nodes if node["path"] == path] or [
        node for node in nodes if node["path"].endswith(f"/{path}")
    ]
    if not found:
        raise ActorNotFound(f"No actor runs at {text[:80]!r}; `beam tree` lists them.")
    if len(found) > 1:
        some = ", ".join(node["path"] for node in found[:3])
        raise UsageError(f"{len(found)} actors are called {text[:80]!r}: say which by a longer end of {some}.")
    below = f"{found[0]['path']}/"
    return {**found[0], "dead": [row for row in answer.get("dead") or () if row["path"].startswith(below)]}


_TROUBLE = 20


def _interest(node: Node) -> int:
    """How much a person wants to see it; from `_TROUBLE` on something is the matter."""
    exits = node.get("exits") or ()
    recent = any(past["ago_s"] < _RECENT for past in exits)
    rules = (
        (node["state"] not in _CALM, 100),
        ((node.get("busy_s") or 0.0) >= 1.0, 40),
        (recent, 30),
        (node["mailbox"] > 0 or bool(node.get("stashed")), 20),
        (bool(node.get("waits_for") or node.get("workers_wait_for")), 10),
        (node["restarts"] > 0, 5),
    )
    return sum(weight for holds, weight in rules if holds)


def fit(root: Node, lines: int) -> dict[str, int]:
    """The paths to show in that many lines, each with how many actors right below it are left out, with theirs.

    A line goes to each path, and one to each number that is not 0. The root is always shown.
    """
    parents: dict[str, Node] = {}
    order: list[tuple[tuple[int, int, int], Node]] = []
    for number, (depth, node) in enumerate(walk(root)):
        order.append(((-_interest(node), depth, number), node))
        parents.update({child["path"]: node for child in node["children"]})
    order.sort(key=lambda row: row[0])
    left_out = {root["path"]: len(root["children"])}
    used = 1 + bool(root["children"])
    for _, node in order:
        chain: list[Node] = []
        above = node
        while above["path"] not in left_out:
            chain.append(above)
            above = parents[above["path"]]
        cost = sum(1 + bool(one["children"]) for one in chain)
        # Whoever is shown below `one` takes the line that counted it, if it was the last.
        cost -= sum(1 for one in chain[1:] if len(one["children"]) == 1)
        cost -= bool(chain) and left_out[above["path"]] == 1
        if used + cost > lines:
            continue
        used += cost
        for one in reversed(chain):
            left_out[parents[one["path"]]["path"]] -= 1
            left_out[one["path"]] = len(one["children"])
    return left_out
