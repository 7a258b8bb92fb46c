"""What the API tells of actors, and does to them."""

import pytest
import trio

from beam_actors.control import TraceRequest
from beam_actors.errors import ActorNotFound, NotAllowed, UsageError
from tests.node.pairs import with_two_nodes


def find(node, path):
    if node.path == path:
        return node
    return next((found for child in node.children if (found := find(child, path))), None)


def test_crash_is_refused_unless_the_daemon_was_started_for_it():
    async def check(owner, visitor):
        with pytest.raises(NotAllowed, match="--chaos"):
            await visitor.crash("node/control")
        with pytest.raises(ActorNotFound):
            await owner.crash("node/nobody")
        await owner.crash("node/core/services/registry")
        await trio.sleep(1)
        registry = find((await owner.tree()).root, "node/core/services/registry")
        assert registry.incarnation == 2
        assert "beam crash" in registry.last_exit

    with_two_nodes(check, chaos=True)


def test_an_actor_is_found_by_the_end_of_its_path_if_that_is_its_alone():
    async def check(owner, visitor):
        await owner.crash("registry")
        await visitor.register("list", contest=False)
        with pytest.raises(UsageError, match="2 actors are called 'list'"):
            await visitor.trace(TraceRequest(actor="list"))
        with pytest.raises(ActorNotFound, match="beam tree"):
            await visitor.trace(TraceRequest(actor="egistry"))

    with_two_nodes(check, chaos=True)


def test_a_trace_shows_what_a_name_was_asked_for_and_no_key():
    async def check(owner, visitor):
        peer_id = (await owner.id()).peer_id
        with await owner.trace(TraceRequest(actor="registry", limit=5)) as feed:
            await owner.register("byronwade", contest=False)
            rows = [await feed.next() for _ in range(5)]
        assert {row.path for row in rows} == {feed.actor} == {"node/core/services/registry"}
        row = next(row for row in rows if row.message == "Reserve")
        assert (row.kind, row.asked, row.outcome) == ("message", True, "deferred")
        assert row.shown == "name=byronwade, contest=False, made=False"
        peer = f"node/core/services/network/peers/{peer_id[-8:]}"
        with await visitor.trace(TraceRequest(actor=peer, subtree=True)) as feed:
            await visitor.ping(peer_id)
            assert (await feed.next()).path.startswith(peer)

    with_two_nodes(check)


def test_the_tree_tells_of_bounds_and_of_the_dead():
    async def check(owner, visitor):
        tree = await owner.tree()
        registry = find(tree.root, "node/core/services/registry")
        assert registry.capacity > 0
        assert registry.exits == ()
        await owner.register("byronwade", contest=False)  # which looks for others that hold it
        await trio.sleep(2)
        (dead,) = [row for row in (await owner.tree()).dead if row.kind == "LookUp"]
        assert (dead.path, dead.reason) == ("node/core/services/lookups/byronwade", "shutdown")
        assert 1 < dead.ago_s < 3  # the look-up may end a moment before or after the registration

    with_two_nodes(check)
