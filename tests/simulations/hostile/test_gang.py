"""Attackers in the frame of plans: they are there, they stay beyond the heal, and a hole that is planted is found."""

import attrs
import pytest

from beam_actors.naming import Claim, answering, registry
from beam_actors.naming.admission import Admission
from beam_actors.naming.ranking import Contested, Sole, decide
from beam_actors.values import Access
from simulations.faults import Attack
from simulations.hostile import KINDS
from simulations.invariants import Outcome
from simulations.operations import Expose, Fetch, Pin, Register, Release
from simulations.plan import BadPlan, MachinePlan, Plan
from simulations.report import summary
from simulations.run import run_plan

CALM = Plan(
    scenario="drawn",
    seed=3,
    machines=(MachinePlan(), MachinePlan(bootstrap=(0,)), MachinePlan(bootstrap=(0, 1))),
    settle=8.0,
    safety=20.0,
    operations=(
        Register(at=0.0, machine=0, name="a"),
        Register(at=0.0, machine=1, name="b"),
        Expose(at=1.0, machine=0, port=9000, name="a"),
        Expose(at=1.0, machine=0, port=3000, name="a", allow=(1,)),
        Pin(at=3.0, machine=2, name="a"),
        Fetch(at=6.0, machine=1, of=0, port=9000),
        Release(at=12.0, machine=1, name="b"),
    ),
)


def attacked_by(*kinds: str, times: int = 2) -> Plan:
    """Some of each kind, kept as a peer by machine 1 where that can be."""
    attacks = (Attack(at=4.0, kind=kind, introduced=(1,) if KINDS[kind].LISTENS else ()) for kind in kinds)
    return attrs.evolve(CALM, faults=tuple(attack for attack in attacks for _ in range(times)))


def test_a_plan_says_which_attackers_there_are_and_refuses_those_that_there_are_not():
    plan = attacked_by("thief", "impostor")
    assert Plan.loads(plan.dumps()) == plan
    assert '{"at": 4.0, "kind": "impostor", "introduced": [1], "fault": "attack"}' in plan.dumps()
    with pytest.raises(BadPlan):
        Plan.loads(plan.dumps().replace("impostor", "saint"))


def test_the_honest_hold_together_among_many_and_the_report_says_what_it_took():
    report = run_plan(attacked_by("forger", "thief", "withholder", "burglar", "vandal", times=1))
    assert report.passed, summary(report)
    verdicts = {verdict.id: verdict for verdict in report.verdicts}
    looked_at = ("S1", "S3", "S16", "S20", "L1", "L2", "L3", "L5", "L7")
    assert all(verdicts[one].outcome is Outcome.HELD for one in looked_at)
    figures = verdicts["L8"].figures
    assert figures["attackers"] == 5
    assert figures["they: claims said"] > 30
    assert figures["they: kept as a peer"] == 2
    assert figures["they: doors that stayed shut"] > 10
    assert verdicts["S16"].figures["most hostile claims at one node"] >= 1


def skip_signatures(patch):
    patch.setattr(Claim, "genuine", lambda self: True)


def skip_quotas(patch):
    patch.setattr(Admission, "_check_quota", lambda self, claim, lodging: True)
    patch.setattr(Admission, "surplus", lambda self, key=None: [])


def skip_times(patch):
    patch.setattr(Admission, "_check_window", lambda self, claim, now: None)


def skip_access(patch):
    patch.setattr(Access, "permits", lambda self, peer: True)


def let_the_greater_number_win(patch):
    def ranked(entries, now, *, settled=None, cut_off=False):
        found = decide(entries, now, settled=settled, cut_off=cut_off)
        return Sole(max(found.claims, key=lambda one: one.terms.seq)) if isinstance(found, Contested) else found

    patch.setattr(answering, "decide", ranked)


def keep_the_first_of_two(patch):
    join = registry.Entry.join
    patch.setattr(
        registry.Entry, "join", lambda self, one: self if one.position == self.claim.position else join(self, one)
    )


@pytest.mark.parametrize(
    ("hole", "kind", "invariants"),
    [
        (skip_signatures, "forger", {"S1"}),
        (skip_quotas, "hoarder", {"S16"}),
        (skip_quotas, "undertaker", {"S16"}),
        (skip_times, "revenant", {"S1"}),
        (skip_access, "burglar", {"S20"}),
        (let_the_greater_number_win, "thief", {"L2"}),
        (keep_the_first_of_two, "equivocator", {"S2", "L8"}),
    ],
)
def test_a_hole_is_found_by_whom_it_lets_in(hole, kind, invariants, monkeypatch):
    hole(monkeypatch)
    report = run_plan(attacked_by(kind))
    assert not report.passed
    assert report.first.invariant in invariants, str(report.first)
