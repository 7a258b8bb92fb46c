"""This node and the network around it."""

import attrs
import pytest

from beam_actors.control.results import Disconnected
from beam_actors.errors import PeerNotKept
from beam_actors.values import Multiaddr, PeerId
from tests.control.fakes import OTHER, OWNER, PEER


def test_the_curl_line_of_status_works_as_pasted(node, beam):
    assert "curl --cacert /home/x/ca.pem --connect-to NAME.local:443:127.0.0.1:8443 https://NAME.local" in (
        beam("status").out
    )


def test_the_curl_line_of_status_opens_no_name_without_a_url(node, beam):
    beam("register", "byron")
    assert beam("names", "--json").json["names"][0]["url"] is None
    assert "https://NAME.local" in beam("status").out


def test_a_peer_that_is_not_reached_says_why(daemon, beam):
    up, lost = beam("peers").out.splitlines()
    assert up.startswith(f"{OTHER}\tup\tyes\tdirect\t")
    assert up.endswith("beam/0.1.0\t900 B\t12 kB\t-")
    assert lost.endswith("\t-\t-\t-\t900 B\t12 kB\tDialling 10.0.0.9:4747 failed: Connection refused.")


def test_connect_and_ping(node, beam):
    address = f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}"
    assert beam("connect", address).out == f"🌐 Connected to {OTHER}\n"
    assert "direct" in beam("ping", "https://byron.local/").out
    assert node.calls == [("connect", Multiaddr.parse(address)), ("ping", "byron.local")]
    for wrong in ("192.0.2.1", "192.0.2.1:4747", "/ip4/192.0.2.1/tcp/1"):
        done = beam("connect", wrong)
        assert (done.exit_code, "/p2p/" in done.err, '"beam id"' in done.err) == (2, True, True)


@pytest.mark.parametrize("peer", [OTHER, f" {OTHER}\n", f"/ip4/192.0.2.1/tcp/1/p2p/{OTHER}"])
def test_disconnect_takes_an_id_or_an_address_that_ends_in_it_and_says_what_it_does_not_do(node, beam, peer):
    done = beam("disconnect", peer)
    assert done.out == f"🌐 Disconnected from {OTHER}\n"
    assert done.err == "It may connect again by itself: nothing keeps it out.\n"
    assert node.calls == [("disconnect", PeerId.parse(OTHER))]
    assert beam("disconnect", peer, "--json").json == {
        "schema": 1, "peer_id": OTHER, "sessions": 1, "bootstrap": False,
    }  # fmt: skip


def test_disconnect_says_that_there_was_no_session_and_that_a_start_connects_again(node, beam):
    node.disconnected = Disconnected(peer_id=OTHER, sessions=0, bootstrap=True)
    done = beam("disconnect", OTHER)
    assert done.out == f"🌐 No longer dialled: {OTHER} (it was not connected)\n"
    assert "--bootstrap" in done.err


@pytest.mark.parametrize(
    ("peer", "says"),
    [
        ("12D3KooW…7R3pq", "beam peers | cat"),
        ("byron.local", "`beam peers` shows it"),
        (OWNER, "the id of an owner"),
        ("192.0.2.1:4747", "`beam peers` shows it"),
        ("/ip4/192.0.2.1/tcp/1", "/p2p/PEER-ID"),
        ("", "`beam peers` shows it"),
    ],
)
def test_disconnect_refuses_what_is_no_peer_before_a_daemon_is_asked(node, beam, peer, says):
    done = beam("disconnect", peer)
    assert (done.exit_code, says in done.err, node.calls) == (2, True, [])


def test_a_peer_that_nobody_here_connected_to_is_not_found(node, beam):
    node.failure = PeerNotKept("Nobody here asked to stay connected to it.")
    done = beam("disconnect", OTHER)
    assert (done.exit_code, done.out) == (6, "")
    assert done.err == "Error: Nobody here asked to stay connected to it.\n"


def test_id_says_who_and_where(daemon, beam):
    assert beam("id").out == f"peer     {PEER}\nowner    {OWNER}\naddress  /ip4/127.0.0.1/tcp/4747/p2p/{PEER}\n"


def test_status_says_what_is_off_and_opens_a_name_that_there_is(node, beam):
    out = beam("status").out
    assert "connected to 1 peer\n" in out
    assert "Offers 0 tunnels, holds 0 names" in out
    assert "HTTP:  off" in out
    status = beam("status", "--json").json
    assert (status["http"], status["suffix"]) == (None, "local")


def test_a_key_that_was_replaced_is_told_with_what_to_do(node, beam):
    assert "replaced" not in beam("id").out + beam("status").out
    node.replaced_by_era = 1
    for command in ("id", "status"):
        done = beam(command)
        assert "`beam recover --era 1`, then `beam start --detach`" in done.out + done.err
        assert beam(command, "--json").json["replaced_by_era"] == 1


def test_id_has_a_fact_a_line_and_what_to_do_apart(node, beam):
    node.replaced_by_era = 1
    done = beam("id")
    assert "\nreplaced  yes, by one of era 1\n" in done.out
    assert done.err == (
        "The owner's key on this machine was replaced by one of era 1: `beam stop`, then `beam recover --era 1`, then "
        "`beam start --detach`.\n"
    )
    node.revoked = True
    done = beam("id")
    assert "\nrevoked   yes\n" in done.out
    assert done.err.startswith("Your keys were revoked, so no name of yours leads anywhere: a new recovery phrase")


def test_status_opens_no_name_of_a_key_that_was_replaced(node, beam, monkeypatch):
    node.owned = {"anna", "bo"}
    kept = node.names
    eras = {"anna": 1, "bo": None}

    async def names():
        rows = await kept()
        return tuple(
            attrs.evolve(row, url=f"https://{row.full}", replaced_by_era=eras[row.name])
            for row in rows
            if row.name in eras
        )

    monkeypatch.setattr(node, "names", names)
    assert "https://bo.local" in beam("status").out
    del eras["bo"]
    assert "https://NAME.local" in beam("status").out


def test_the_revoked_are_told_what_they_are(node, beam):
    node.unclaimed = {"byron"}
    assert "revoked" not in beam("id").out + beam("status").out + beam("names").out
    node.revoked = True
    for command in ("id", "status"):
        done = beam(command)
        assert "revoked" in done.out
        assert "another --home" in done.out + done.err
        assert beam(command, "--json").json["revoked"] is True
    assert "https://NAME.local" in beam("status").out
    assert beam("names").out.split("\t")[3] == "revoked"
    assert beam("names", "--json").json["names"][0]["revoked"] is True
    node.owned = {"byron"}
    done = beam("release", "byron")
    assert done.out.startswith("Forgotten: byron. Your keys were revoked")
