"""That S23 and S25 compare something, and that pages and devices are what they say they are."""

import attrs
import pytest

from simulations import web_operations
from simulations.browsing import Way
from simulations.mutants.plans import PLANS
from simulations.report import summary
from simulations.run import run_plan


def verdict(report, name):
    return next(one for one in report.verdicts if one.id == name)


def test_each_way_to_ask_for_a_page_is_served_and_pins_are_judged():
    report = run_plan(PLANS["pages"])
    assert report.passed, summary(report)
    assert all(report.counts["operations"][f"visit: {way.value}"] == 1 for way in Way)
    assert verdict(report, "S23").checks
    assert verdict(report, "S20").checks


def test_a_device_answers_on_its_lan_and_nowhere_else_and_gives_way_to_a_pin():
    report = run_plan(PLANS["lan"])
    assert report.passed, summary(report)
    done = report.counts["operations"]
    assert (done["locate: a device"], done["locate: a name"]) == (1, 3)
    assert verdict(report, "S25").checks == 4


def test_the_same_plan_is_the_same_run_with_pages_and_devices():
    for name in ("pages", "lan"):
        assert run_plan(PLANS[name]).same(run_plan(PLANS[name]))


@pytest.mark.parametrize(("name", "said"), [("one", "nobody used it there"), ("two", "who never claimed it")])
def test_a_pin_that_nobody_made_or_that_is_to_somebody_else_is_found(monkeypatch, name, said):
    before = web_operations.Visit.run

    async def run(self, stage, place):
        done = await before(self, stage, place)
        known = stage.inside.knowledge(place.node)
        if self.way is Way.TYPED:
            known.bindings.pins.update(
                {one: attrs.evolve(pin, owner=known.owner) for one, pin in known.bindings.pins.items()}
            )
        elif name == "one":
            known.bindings.pin_by_use(next(one for one in known.registry.names), known.owner, "navigation", 0)
        return done

    monkeypatch.setattr(web_operations.Visit, "run", run)
    report = run_plan(PLANS["pages"])
    assert report.first is not None
    assert report.first.invariant == "S23"
    assert said in report.first.message
