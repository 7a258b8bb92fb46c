"""`pin`, `unpin` and `petname`."""

from beam_actors.values import OwnerId
from tests.control.fakes import OWNER

OTHER_OWNER = str(OwnerId(bytes([7]) * 32))


def test_pin_and_unpin(node, beam):
    assert beam("pin", "byron", OWNER).exit_code == 0
    assert beam("unpin", "byron", "--json").json == {"schema": 1, "name": "byron"}
    assert beam("pin", "byron", "not-an-owner").exit_code == 2


def test_a_pin_in_the_place_of_another_says_so(node, beam):
    assert "before" not in beam("pin", "byron", OWNER).err
    node.bound_before = f"byron.{OTHER_OWNER}.local"
    assert beam("pin", "byron", OWNER).err == f"It was pinned to byron.{OTHER_OWNER}.local before.\n"
    assert beam("pin", "byron", OWNER, "--json").json["before"] == node.bound_before


def test_petname(node, beam):
    made = beam("petname", "anna", f"cottage.{OWNER}")
    assert made.out == f"📌 anna.local stands for cottage.{OWNER} of owner {OWNER}, on this machine\n"
    assert made.err == ""
    node.bound_before = f"garden.{OTHER_OWNER}.local"
    again = beam("petname", "Anna.local", f"cottage.{OWNER}")
    assert again.out.startswith("📌 anna.local stands for")
    assert again.err == f"It stood for garden.{OTHER_OWNER}.local before.\n"
    assert beam("petname", "anna", "cottage", "--json").json["before"] == f"garden.{OTHER_OWNER}.local"
    node.bound_before, node.holders = None, (OTHER_OWNER,)
    said = f"Somebody holds that name, too, which is reached here as anna.{OTHER_OWNER}.local alone from now on.\n"
    assert beam("petname", "anna", f"cottage.{OWNER}").err == said
    assert beam("petname", "anna", "cottage", "--json").json["covers"] == [f"anna.{OTHER_OWNER}.local"]
    assert beam("petname", "anna", "cottage", "--json").json["source"] == "petname"
    node.holders, node.elsewhere = (), {"anna"}
    said = f"Another machine of yours holds that name, which is reached here as anna.{OWNER}.local alone from now on.\n"
    assert beam("petname", "anna", f"cottage.{OWNER}").err == said
    assert beam("petname", "--forget", "anna").out == "No longer a petname: anna\n"
    assert beam("petname", "--forget", "anna", "--json").json == {"schema": 1, "petname": "anna"}
    assert beam("petname", "--forget", "nobody").exit_code == 6
    for wrong in (("anna",), ("--forget", "anna", "cottage"), ("--forget",)):
        assert beam("petname", *wrong).exit_code == 2
