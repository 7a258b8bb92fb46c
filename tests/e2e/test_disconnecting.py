"""To connect and to take it back, between two real daemons."""

import pytest

from beam_actors.testing.daemons import LOOPBACK, CommandFailed, Daemon, daemons, eventually, flatten_tree

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]


def listed(daemon):
    """Which peers it lists: each one's state, and whether it is kept. One that is kept is listed in any state."""
    return {row["peer_id"]: (row["state"], row["kept"]) for row in daemon.beam("peers")["peers"]}


def keeps(daemon):
    """The peers that it dials for ever; another one may be listed for a while, since the DHT asks it something."""
    return {peer for peer, (_, kept) in listed(daemon).items() if kept}


def sessions(daemon):
    """The paths of the sessions that stand."""
    return {path for path in flatten_tree(daemon.beam("tree")) if "/session-" in path}


def test_disconnect_takes_connect_back_also_for_the_next_run(tmp_path):
    owner, visitor = Daemon(tmp_path / "owner", *LOOPBACK), Daemon(tmp_path / "visitor", *LOOPBACK)
    with daemons(owner, visitor):
        owner.start()
        visitor.start()
        peer, address = owner.beam("id")["peer_id"], owner.beam("id")["addresses"][0]
        came = visitor.beam("id")["peer_id"]

        visitor.beam("connect", address)
        assert listed(visitor) == {peer: ("up", True)}
        eventually(lambda: came in listed(owner), timeout=10, what="the owner lists who came")
        with pytest.raises(CommandFailed, match="Nothing keeps it from coming again") as failure:
            owner.beam("disconnect", came)
        assert failure.value.exit_code == 6
        assert listed(owner) == {came: ("up", False)}

        before = sessions(visitor)
        assert len(before) == 1
        assert visitor.beam("disconnect", peer) == {"schema": 1, "peer_id": peer, "sessions": 1, "bootstrap": False}
        eventually(lambda: not before & sessions(visitor), timeout=10, what="its session has ended")
        assert keeps(visitor) == set()
        with pytest.raises(CommandFailed, match="nothing to take back") as failure:
            visitor.beam("disconnect", address)
        assert failure.value.exit_code == 6

        visitor.stop()
        visitor.start()
        assert keeps(visitor) == set()
        assert visitor.beam("ping", peer)["peer_id"] == peer  # it is still known where the peer is
        assert listed(visitor) == {peer: ("up", False)}


def test_a_bootstrap_peer_is_let_go_until_the_next_start_with_it(tmp_path):
    owner = Daemon(tmp_path / "owner", *LOOPBACK)
    with daemons(owner):
        owner.start()
        peer, address = owner.beam("id")["peer_id"], owner.beam("id")["addresses"][0]
        visitor = Daemon(tmp_path / "visitor", *LOOPBACK, "--bootstrap", address)
        with daemons(visitor):
            visitor.start()
            eventually(lambda: listed(visitor) == {peer: ("up", True)}, timeout=10, what="the visitor is connected")
            done = visitor.run("disconnect", address)
            assert (done.returncode, peer in done.stdout, "--bootstrap" in done.stderr) == (0, True, True)
            assert keeps(visitor) == set()
            visitor.stop()
            visitor.start()
            eventually(lambda: listed(visitor) == {peer: ("up", True)}, timeout=10, what="the visitor is connected")
            assert visitor.beam("disconnect", peer)["bootstrap"] is True
            visitor.stop()
            visitor.options = LOOPBACK
            visitor.start()
            assert keeps(visitor) == set()
