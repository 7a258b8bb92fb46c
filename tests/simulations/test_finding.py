"""Searching by whole nodes of which none holds all names."""

from beam_actors.peers import PeersLimits
from beam_actors.testing.world import Profile, run_world
from simulations.finding import Searched, Setting, measure, table
from simulations.siege import Bystander


def test_the_table_has_a_row_for_each_kind_of_search():
    searched = [Searched(how="dht", found=number > 0, seconds=float(number), rounds=2, asked=9) for number in range(4)]
    rows = table([*searched, Searched(how="people, dht", found=True, seconds=0.5)])
    assert [(row["how"], row["searches"], row["found"]) for row in rows] == [
        ("dht", 4, 0.75),
        ("people, dht", 1, 1.0),
        ("people, all", 1, 1.0),
    ]
    assert (rows[0]["rounds"], rows[0]["most_rounds"], rows[0]["asked"], rows[0]["p95_s"]) == (2, 2, 9, 3.0)


def test_names_that_few_hold_are_found_while_machines_leave():
    found = []

    async def run(world):
        setting = Setting(machines=8, claims=2, churn=60.0, settle=20.0, seconds=30.0)
        found.append(await measure(world, setting))

    run_world(1, run, Profile.LIGHT)
    (searched, network) = found[0]
    in_dht = [one for one in searched if one.how == "dht"]
    assert len(in_dht) >= 5
    assert all(one.found for one in in_dht)
    assert network["left"] >= 1
    assert network["names"] == 8


def test_a_third_party_that_hostile_nodes_name_is_left_alone_but_for_a_few_knocks():
    found = []

    async def run(world):
        setting = Setting(
            machines=5, claims=2, churn=0.0, settle=10.0, seconds=16.0, hostile=0.3, kind="poisoner", targets=1
        )
        found.append(await measure(world, setting))

    run_world(1, run, Profile.LIGHT)
    (searched, network) = found[0]
    in_dht = [one for one in searched if one.how == "dht"]
    assert len(in_dht) >= 3
    assert all(one.found for one in in_dht)
    assert network["hostile"] == 2
    assert network["questions to the hostile"] > 0
    assert 0 < network["the same of one machine, most"] <= Bystander.bound(PeersLimits())
