from simulations.invariants import Outcome
from simulations.mutants.plans import PLANS
from simulations.report import summary
from simulations.run import run_plan


def test_a_copied_key_is_used_when_its_owner_has_left_it_and_takes_nothing_along():
    report = run_plan(PLANS["copied"])
    assert report.passed, summary(report)
    verdicts = {one.id: one for one in report.verdicts}
    assert verdicts["L8"].figures["they: claims by a copied key"] > 50
    assert (
        verdicts["S5"].figures["forgiven: the key of the era is in two hands"] > 0
    )  # so nodes did believe it for a while
    assert verdicts["S24"].figures["lead to its owner"] == 2
    assert verdicts["L10"].outcome is Outcome.HELD
