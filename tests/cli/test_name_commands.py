"""Names and their owners: what is said of them, and what reached the node."""

import attrs
import pytest
import trio

from beam_actors.cli import name_commands
from tests.control.fakes import OTHER, OWNER, PEER


@pytest.mark.parametrize(
    ("settled", "relations", "used", "whys"),
    [
        ("own", ("other", "own"), 1, ("no: the name is yours here", "yes: your own names go first")),
        ("pin", ("pin", "other"), 0, ("yes: it is pinned here", "no: another is pinned here")),
        ("pin", ("other", "other"), None, ("no: the owner that you pinned does not hold it now",) * 2),
        (None, ("other", "other"), None, ("no: several claim it and you chose none",) * 2),
        (None, ("other",), 0, ("yes: nobody else holds it",)),
    ],
)
def test_each_choice_of_a_contested_name_says_why_and_what_to_type(node, home, beam, settled, relations, used, whys):
    owners = node.contest("fought", settled, *relations, used=used)
    whose = {"own": "yours", "pin": "pinned", "other": "another owner's"}
    rows = [line.split("\t") for line in beam("names", "conflicts").out.splitlines()]
    assert [row[1] for row in rows] == [whose[relation] for relation in relations]
    assert [row[2] for row in rows] == owners
    assert [row[3] for row in rows] == ["2027-01-15 08:00 UTC (60 s)"] * len(rows)
    assert tuple(row[4] for row in rows) == whys
    for number, (owner, row) in enumerate(zip(owners, rows, strict=True)):
        pin = f"beam pin fought {owner}"
        release = f"beam release fought && {pin}" if settled == "own" else pin
        assert row[5] == ("-" if number == used else release)
        assert row[6] == f"https://fought.{owner}.local"
    assert [choice["used"] for choice in beam("names", "conflicts", "--json").json["conflicts"][0]["choices"]] == [
        number == used for number in range(len(rows))
    ]
    with_home = beam("--home", home.path, "names", "conflicts").out
    assert f"beam --home {home.path} pin" in with_home or used is not None


def test_names_has_no_list_but_says_what_lists_them(daemon, beam):
    done = beam("names", "list")
    assert done.exit_code == 2
    assert "`beam names` has no 'list': it lists your names by itself" in done.err
    assert "`beam names conflicts`" in done.err
    assert "'conflict': did you mean `beam names conflicts`?" in beam("names", "conflict").err


def test_register_is_told_like_the_vision(daemon, beam):
    done = beam("register", "byron")
    assert done.out.startswith(f"✅ Name registered: byron.local\n🌐 Peer: {PEER}\n📡 Told 2 peers\n🔒 Signed by owner")
    again = beam("register", "https://byron/")
    assert again.out.startswith(f"✅ Yours already: byron.local\n🌐 Peer: {PEER}\n📡 Connected to 2 peers")
    assert beam("register", "byron", "--json").json["new"] is False
    assert beam("register", "taken").exit_code == 4
    assert beam("register", "taken", "--contest").exit_code == 0


def test_register_without_peers_says_when_they_hear(node, beam):
    node.told = 0
    assert "📡 No peer is connected yet; each hears of it as it comes\n" in beam("register", "byron").out


def test_names_and_release(daemon, beam):
    beam("register", "byron")
    assert beam("names").out.startswith("byron.local\town\t")
    assert beam("release", "byron").exit_code == 0
    assert beam("names").err.startswith("No names")
    assert beam("release", "byron").exit_code == 6


@pytest.mark.parametrize(
    ("relation", "way"), [("petname", "petname --forget anna"), ("pin", "unpin anna"), ("own", None)]
)
def test_what_is_bound_and_not_own_is_let_go_in_another_way(node, beam, monkeypatch, relation, way):
    beam("register", "anna")
    (row,) = trio.run(node.names)

    async def names():
        return (attrs.evolve(row, relation=relation),)

    node.owned.clear()
    monkeypatch.setattr(node, "names", names)
    done = beam("release", "anna.local")
    assert done.exit_code == 6
    assert (f"`beam {way}`" in done.err) if way else done.err == "Error: You own no name 'anna.local'.\n"
    assert beam("release", "anna", "--json").json["error"]["code"] == "name-not-found"


def test_names_tells_those_apart_that_other_machines_keep(node, beam):
    beam("register", "byron")
    assert beam("names").err == ""
    node.elsewhere.add("cottage")
    done = beam("names")
    assert [line.split("\t")[:2] for line in done.out.splitlines()] == [
        ["byron.local", "own"],
        ["cottage.local", "own, elsewhere"],
    ]
    assert "`beam release NAME` gives it up for all of them" in done.err
    assert [row["here"] for row in beam("names", "--json").json["names"]] == [True, False]


def test_names_advises_nothing_that_a_key_that_was_replaced_refuses(node, beam):
    said = (
        "The owner's key on this machine was replaced by one of era 2: `beam stop`, then `beam recover --era 2`, then "
        "`beam start --detach`.\n"
    )
    node.replaced_by_era = 2
    assert beam("names").err == f"No names.\n{said}"
    node.elsewhere.add("cottage")  # nothing is kept here
    assert beam("names").err == said
    node.owned.add("byron")
    done = beam("names")
    assert done.err == said
    assert [line.split("\t")[:2] for line in done.out.splitlines()] == [
        ["byron.local", "own, key replaced"],
        ["cottage.local", "own, elsewhere, key replaced"],
    ]
    assert [row["replaced_by_era"] for row in beam("names", "--json").json["names"]] == [2, 2]


def test_names_advises_the_revoked_nothing_that_is_refused(node, beam):
    assert "`beam register NAME` claims one" in beam("names").err
    node.revoked = True
    done = beam("names")
    assert "register" not in done.err
    assert "start with another --home" in done.err


def test_names_marks_those_that_others_claim_too(node, beam):
    for name in ("byron", "fought"):
        beam("register", name)
    node.contest("fought", None, "own", "other", used=0)
    done = beam("names")
    assert [line.split("\t")[1] for line in done.out.splitlines()] == ["own", "own, contested"]
    assert done.err.startswith("Those contested are claimed by others, too: `beam names conflicts` shows by whom")
    assert [row["contested"] for row in beam("names", "--json").json["names"]] == [False, True]


def test_more_work_than_must_be_is_said_to_go_on(node, beam):
    said = "in the background"
    assert said not in beam("register", "byron").out
    for work in ("2", "30"):
        out = " ".join(beam("register", "byron", "--work", work).out.split())
        assert f"Work up to level {work} goes on {said}" in out
        assert "While nobody else claims the name, nothing shows how far it is" in out
        assert "`beam register byron --work 1` ends it" in out
    ended = beam("register", "byron", "--work", "1").out
    assert (said in ended, "No more work than must be is done for it" in ended) == (False, True)


@pytest.mark.parametrize(("work", "level"), [((), None), (("--work", "1"), None), (("--work", "30"), 30)])
def test_a_program_is_told_which_further_work_it_asked_for(node, beam, work, level):
    assert beam("register", "byron", *work, "--json").json["further_work"] == level


def test_names_says_what_its_owner_gave_up(node, beam):
    for name in ("byron", "gone"):
        beam("register", name)
    node.given_up.add("gone")
    lines = beam("names").out.splitlines()
    assert ["given up" in line for line in lines] == [False, True]
    assert [row["given_up"] for row in beam("names", "--json").json["names"]] == [False, True]


def test_names_watch_is_of_no_subcommand(node, beam):
    done = beam("names", "--watch", "conflicts")
    assert done.exit_code == 2
    assert "`beam names --watch`" in done.err


@pytest.mark.parametrize(
    ("left", "shown"), [(-28_944_005.0, "ended"), (0.0, "ended"), (None, "-"), (60.0, "60 s left")]
)
def test_a_name_that_has_ended_says_so(left, shown):
    row = {"expires_in_s": left, "relation": "pin", "revoked": False}
    assert name_commands._left(row) == shown
    assert name_commands._left(row | {"expires_in_s": None, "relation": "own"}) == "being claimed"
    left = row | {"expires_in_s": None, "relation": "own", "replaced_by_era": 1}
    assert name_commands._left(left) == "not claimed"


def test_resolve_says_what_each_line_is(node, beam):
    assert beam("resolve", "https://byron.local:8443/page").out.splitlines() == [
        "name     byron.local",
        f"owner    {OWNER}",
        f"peer     {OTHER}",
        "source   registry, 3 s old",
        "address  127.77.0.1 (on this machine, where Beam serves the name)",
    ]


def test_each_command_takes_the_address_of_a_name(node, beam):
    url = "https://byron.local/"
    for command in (("register",), ("release",), ("pin",), ("unpin",), ("petname", "anna"), ("petname", "--forget")):
        assert beam(*command, url).exit_code == 0, command
    node.owned.add("byron.local")
    asked = [(call[0], call[1:]) for call in node.calls if call[0] not in {"names", "conflicts", "id"}]
    assert all("byron.local" in fields for _, fields in asked)
    assert beam("pin", "byron", "12D3KooW").exit_code == 2
    assert '"beam id"' in beam("pin", "byron", PEER).err
