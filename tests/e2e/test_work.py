"""Names in the public network, with the work that it asks for."""

import json

from beam_actors.naming.work import PUBLIC
from beam_actors.testing.daemons import SERVERS, Daemon, daemons, eventually

PUBLIC_LOOPBACK = ("--listen", "/ip4/127.0.0.1/tcp/0", *SERVERS)


def test_names_of_the_public_network(tmp_path, site):
    owner, visitor = Daemon(tmp_path / "owner", *PUBLIC_LOOPBACK), Daemon(tmp_path / "visitor", *PUBLIC_LOOPBACK)
    with daemons(owner, visitor):
        assert owner.start()["network"] == "beam"
        visitor.start()
        visitor.beam("connect", owner.beam("id")["addresses"][0])

        done = owner.beam("register", "worked", timeout=120)
        assert done["progress"] == 1
        assert done["work_s"] > 0
        found = eventually(lambda: known(visitor, "worked"), timeout=20, what="the visitor knows the name")
        assert found["owner"] == owner.beam("id")["owner"]

        owner.beam("expose", str(site), "--name", "offered")  # not waited for: here it leads to the service at once
        assert owner.beam("resolve", "offered")["source"] == "own"
        eventually(lambda: known(visitor, "offered"), timeout=120, what="the visitor knows the other name")

        visitor.beam("register", "worked", "--contest", "--work", str(PUBLIC.bits), timeout=120)
        (conflict,) = eventually(lambda: visitor.beam("names", "conflicts")["conflicts"], timeout=20, what="a conflict")
        assert all(choice["level"] >= PUBLIC.bits for choice in conflict["choices"])

        assert json.loads(owner.run("release", "worked", "--json").stdout)["name"] == "worked"
        again = owner.beam("register", "worked", "--contest", timeout=120)
        assert again["work_s"] < done["work_s"]  # it stands in the tombstone


def known(daemon, name):
    """What the daemon says of the name, or None while it doesn't know it."""
    answer = daemon.run("resolve", name, "--json")
    return json.loads(answer.stdout) if answer.returncode == 0 else None
