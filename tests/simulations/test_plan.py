import json
import re
from contextlib import suppress
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidName, InvalidValue
from beam_actors.values import OwnerId
from simulations import faults, scenarios
from simulations.faults import Crash, Split
from simulations.operations import Fetch, Register
from simulations.plan import OPERATIONS, BadPlan, Bounds, DevicePlan, MachinePlan, NatPlan, Plan, word
from simulations.report import summary
from simulations.run import run_plan

SMALL = Plan(
    scenario="drawn",
    seed=7,
    machines=(MachinePlan(), MachinePlan(bootstrap=(0,), boot=3.5)),
    operations=(Register(at=1.0, machine=1, name="a"), Fetch(at=2.0, machine=0, of=1, port=9000, duplex=True)),
    faults=(Crash(at=5.0, machine=1, torn=True), Split(at=6.0, groups=((0,), (1,)))),
)


@pytest.mark.parametrize("name", scenarios.names())
def test_every_scenarios_plan_comes_back_from_its_file(name):
    plan = scenarios.load(name).plan(3, 7)
    assert Plan.loads(plan.dumps()) == plan
    assert plan == scenarios.load(name).plan(3, 7)
    assert plan != scenarios.load(name).plan(4, 7)


@pytest.mark.parametrize("name", scenarios.names())
def test_a_machine_that_is_alone_has_a_plan_or_is_refused(name):
    for seed in range(5):
        with suppress(BadPlan):
            assert scenarios.load(name).plan(seed, 1).size == 1
        assert scenarios.load(name).plan(seed, 2).size in {1, 2}


def test_a_file_has_a_line_for_each_event_and_says_only_what_is_not_usual():
    lines = SMALL.dumps().splitlines()
    assert '  {"at": 1.0, "machine": 1, "name": "a", "do": "register"},' in lines
    assert '  {"at": 5.0, "machine": 1, "torn": true, "fault": "crash"},' in lines
    changed = attrs.evolve(SMALL, faults=(attrs.evolve(SMALL.faults[0], torn=False), SMALL.faults[1]))
    assert sum(one != other for one, other in zip(lines, changed.dumps().splitlines(), strict=True)) == 1


@pytest.mark.parametrize(
    ("where", "value"),
    [
        (("format",), 2),
        (("seed",), "7"),
        (("seed",), True),
        (("unknown",), 1),
        (("machines", 0, "boots"), 1.0),
        (("operations", 0, "machine"), 2),
        (("operations", 0, "do"), "fly"),
        (("operations", 0, "at"), 61.0),
        (("operations", 0, "at"), "1"),
        (("faults", 1, "groups"), [[0], [9]]),
        (("profile",), "heavy"),
    ],
)
def test_a_file_that_says_something_else_is_refused(where, value):
    data = json.loads(SMALL.dumps())
    place = data
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    with pytest.raises(BadPlan):
        Plan.loads(json.dumps(data))


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        (("operations", 0, "at"), 61, "operations[0]: at must be within the safety phase, from 0 to 60."),
        (("operations", 1, "of"), 9, "operations[1]: there is no machine 9; they are 0 to 1."),
        (("operations", 1, "port"), 99_999, "operations[1]: port must be from 1 to 65535, not 99999."),
        (("operations", 1, "up"), -1, "operations[1]: up must be from 0 to "),
        (("operations", 1, "pace"), -0.5, "operations[1]: pace must be from 0 to "),
        (("operations", 0, "name"), "two words", "operations[0]: 'two words' is not a name: use a-z"),
        (("operations", 0, "name"), 5, "operations[0].name: must be a text, not 5."),
        (
            ("operations", 0, "do"),
            "fly",
            "operations[0]: there is no do 'fly'; there are expose, fetch, follow, locate, petname",
        ),
        (("operations", 0), {"at": 1.0}, 'operations[0]: "do" is missing; there are expose, fetch'),
        (("operations", 0), [], "operations[0]: must be an object, not []."),
        (("operations", 0), {"do": "pin", "at": 1, "machine": 0}, "operations[0].name: is missing."),
        (("operations",), {}, "operations: must be a list, not {}."),
        (("faults", 0, "fault"), "quake", "faults[0]: there is no fault 'quake'; there are actorcrash, anyactorcrash"),
        (("faults", 0, "down"), -1, "faults[0]: down must be from 0 to 31622400, not -1"),
        (("faults", 0, "down"), 1e400, "Infinity is no number"),
        (("faults", 0, "downs"), 1, "faults[0]: there is no field 'downs'."),
        (("faults", 1, "groups"), [], "faults[1]: groups must name a group."),
        (("faults", 1, "groups"), [[0, 1], [1]], "faults[1]: m1 stands in two groups, or twice in one."),
        (("faults", 0), {"fault": "rebind", "at": 1, "nat": 0}, "faults[0]: there is no router 0; the plan has 0."),
        (("faults", 0), {"fault": "weather", "at": 1, "loss": 2}, "faults[0]: loss of a link is a probability"),
        (("faults", 0), {"fault": "attack", "at": 1, "kind": "horde"}, "faults[0]: kind must be one of "),
        (("machines", 0), [], "machines[0]: must be an object, not []."),
        (("machines", 1, "drift"), -2, "machines[1]: drift must be from -1 to 1, not -2.0."),
        (("bounds",), {"stop": -1}, "bounds: stop must be from 0 to "),
        (("safety",), float("nan"), "NaN is no number that a plan may hold."),
        (("safety",), 1e30, "safety must be from 0 to "),
        (("seed",), 10**60, "seed must be from -9223372036854775808 to 9223372036854775807, not 1000"),
        (("profile",), "heavy", "profile: must be one of full, light, not 'heavy'."),
    ],
)
def test_what_is_wrong_with_a_plan_is_said_with_its_place(where, value, said):
    data = json.loads(SMALL.dumps())
    place = data
    for step in where[:-1]:
        place = place[step]
    place[where[-1]] = value
    with pytest.raises(BadPlan, match="^" + re.escape(said)):
        Plan.loads(json.dumps(data))


def test_a_visit_may_ask_for_the_full_form_of_a_name_and_a_claim_may_not():
    full = f"web.{OwnerId(bytes(32))}"
    assert Fetch(at=1.0, machine=0, of=1, port=9000, name=full).name == full
    with pytest.raises(InvalidName):
        Register(at=1.0, machine=0, name=full)
    with pytest.raises(InvalidValue, match="An owner id has 52 characters"):
        Fetch(at=1.0, machine=0, of=1, port=9000, name="web.short")


def test_a_plan_with_many_faults_names_some_of_them():
    data = json.loads(SMALL.dumps())
    data["operations"] = [{"do": "fly"}] * 1000
    with pytest.raises(BadPlan, match=r"operations\[9\]: there is no do 'fly'; there are [a-z, ]+; and 990 more\.$"):
        Plan.loads(json.dumps(data))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"[" * 100_000, "This is no plan: it is nested too deep."),
        (b"\xff\xfe", "This is no text in UTF-8"),
        (b'{"seed": ' + b"9" * 5000 + b"}", "This is no JSON"),
        (b'{"format": 1, "safety": 1e999, "scenario": "a", "seed": 1, "machines": [{}]}', "safety: is too large"),
        (b"", "This is no JSON"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(tmp_path, text, said):
    path = tmp_path / "plan.json"
    path.write_bytes(text)
    with pytest.raises(BadPlan, match=said):
        Plan.load(path)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.data())
def test_whatever_stands_anywhere_in_a_file_is_a_plan_or_refused(data):
    root = json.loads(SMALL.dumps())
    place = root
    while True:
        key = data.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(JSON)
    with suppress(BadPlan):
        Plan.loads(json.dumps(root))


def test_a_machine_is_given_addresses_of_machines_before_it_only():
    with pytest.raises(BadPlan):
        Plan(scenario="drawn", seed=1, machines=(MachinePlan(bootstrap=(0,)),))


def test_no_plan_is_without_machines_and_no_json_is_no_plan():
    with pytest.raises(BadPlan):
        Plan(scenario="drawn", seed=1, machines=())
    with pytest.raises(BadPlan):
        Plan.loads("{")
    with pytest.raises(BadPlan):
        Plan.loads("[]")


def test_a_device_stands_behind_a_router_that_is_there():
    with pytest.raises(BadPlan, match="A device is behind a router"):
        Plan(scenario="drawn", seed=1, machines=(MachinePlan(),), devices=(DevicePlan(name="printer", nat=0),))
    with pytest.raises(BadPlan, match="way: must be one of typed, link"):
        Plan.loads(SMALL.dumps().replace('"do": "register"', '"do": "visit", "way": "flown"'))


def test_a_machine_that_would_know_nobody_for_ever_is_refused():
    late = MachinePlan(bootstrap=(0,), boot=5.0)
    with pytest.raises(BadPlan, match="m2 boots before"):
        Plan(scenario="drawn", seed=1, machines=(MachinePlan(), late, MachinePlan(bootstrap=(1,), boot=4.0)))
    Plan(scenario="drawn", seed=1, machines=(MachinePlan(), late, MachinePlan(bootstrap=(0, 1), boot=4.0)))


@pytest.mark.parametrize("name", scenarios.names())
def test_nobody_is_alone_in_a_large_plan(name):
    machines = scenarios.load(name).plan(1, 500).machines
    assert all(any(machines[other].boot <= one.boot for other in one.bootstrap) for one in machines if one.bootstrap)


GUIDE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text(encoding="utf-8")
IN_EVERY = {"at", "machine", "then"}


def described(kind, leave_out=frozenset()):
    """A class's fields, as the guide writes them: with their defaults, where these are plain values."""
    fields = [field for field in attrs.fields(kind) if field.name not in leave_out]
    defaults = [
        "" if field.default is attrs.NOTHING or attrs.has(type(field.default)) else f" {json.dumps(field.default)}"
        for field in fields
    ]
    return [f"`{field.name}{default}`" for field, default in zip(fields, defaults, strict=True)]


@pytest.mark.parametrize("kind", [*OPERATIONS, *faults.KINDS])
def test_the_guide_has_a_row_for_each_kind_with_its_fields(kind):
    assert f"\n| `{word(kind)}` | {', '.join(described(kind, IN_EVERY))} | " in GUIDE


def test_the_guide_has_no_row_of_a_kind_that_is_not_there():
    _, _, tables = GUIDE.partition("| `do` |")
    rows = re.findall(r"^\| `([a-z]+)` \|", tables, re.MULTILINE)
    assert rows == [*map(word, OPERATIONS), "fault", *map(word, faults.KINDS)]


@pytest.mark.parametrize(
    ("kind", "head"),
    [
        (Plan, "the plan"),
        (MachinePlan, "a machine"),
        (NatPlan, "a router of `nats`"),
        (DevicePlan, "a device of `devices`"),
        (Bounds, "`bounds`"),
    ],
)
def test_the_guide_has_a_row_for_each_field(kind, head):
    table = GUIDE.partition(f"\n| {head} | |\n")[2].partition("\n\n")[0]
    found = [field for row in table.splitlines()[1:] for field in re.findall(r"`[^`]+`", row.split("|")[1])]
    assert found == (["`format`"] if kind is Plan else []) + described(kind)


def test_the_plan_of_the_guide_is_one_that_holds():
    report = run_plan(Plan.loads(GUIDE.partition("```json\n")[2].partition("```")[0]))
    assert report.passed, summary(report)
    assert report.counts["operations"] == {"expose: done": 1, "fetch: done": 1, "register: done": 1}
