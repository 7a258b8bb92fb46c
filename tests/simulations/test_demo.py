"""What the demo prints for a person to paste."""

from pathlib import Path

from beam_actors.testing.daemons import Daemon
from simulations.demo.__main__ import curl, replaced, spared, typed
from simulations.demo.visitor import Visitor


def test_commands_name_the_home_and_the_ports_of_the_demo():
    assert typed(Daemon(Path("/tmp/a b/bob")), "crash", "node/x") == ".venv/bin/beam --home '/tmp/a b/bob' crash node/x"
    assert curl(Visitor("n.local", ("127.0.0.1", 8443), Path("/h/ca.pem"))) == (
        "curl --cacert /h/ca.pem --connect-to n.local:443:127.0.0.1:8443 https://n.local"
    )


def test_who_was_spared_is_counted_without_the_others():
    assert spared(34, 0) == "none of the visitor's 34 actors ended or restarted"
    assert spared(34, 3) == "the visitor's other 31 actors, of 34, were not touched"


def test_an_actor_whose_place_another_one_took_is_found_by_its_age():
    def tree(**ages):
        return {path: {"uptime_s": age, "incarnation": 1, "restarts": 0} for path, age in ages.items()}

    before, after = tree(node=5.0, peer=4.0, session=1.0), tree(node=7.0, peer=6.0, session=1.6, other=0.2)
    assert replaced(before, after) == ["session"]
    assert replaced(before, before) == []
