import ast

import pytest

from simulations.invariants import ALL
from simulations.mutants.catalogue import CATALOGUE
from simulations.mutants.mutant import PACKAGE, Edit, Misfit
from simulations.mutants.plans import PLANS
from simulations.mutants.workspace import ROOT


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda mutant: mutant.name)
def test_every_mutant_still_fits_the_code_and_is_python(mutant):
    texts = {}
    for edit in mutant.edits:
        text = texts.get(edit.file) or (ROOT / PACKAGE / edit.file).read_text(encoding="utf-8")
        texts[edit.file] = edit.applied(text)
        assert texts[edit.file] != text
    for text in texts.values():
        ast.parse(text)


def test_what_does_not_occur_once_is_a_misfit():
    edit = Edit("a.py", "x", "y")
    assert edit.applied("x = 1") == "y = 1"
    for text in ("", "x = x"):
        with pytest.raises(Misfit):
            edit.applied(text)


def test_names_are_unique_and_every_plan_and_invariant_exists():
    names = [mutant.name for mutant in CATALOGUE]
    assert len(set(names)) == len(names)
    ids = {kind.id for kind in ALL}
    for mutant in CATALOGUE:
        assert bool(mutant.plan) == bool(mutant.invariant), mutant.name
        assert not mutant.plan or (mutant.plan in PLANS and mutant.invariant in ids), mutant.name
    assert {mutant.plan for mutant in CATALOGUE} - {""} == set(PLANS)


def test_the_docs_say_how_many_there_are_and_who_sees_them():
    seen = sum(bool(mutant.invariant) for mutant in CATALOGUE)
    said = f"Of {len(CATALOGUE)} mutants invariants see {seen}, and tests {len(CATALOGUE) - seen}."
    assert said in (ROOT / "docs/simulation.md").read_text(encoding="utf-8"), said


def test_what_no_invariant_sees_is_found_by_a_test_that_exists():
    for mutant in CATALOGUE:
        assert bool(mutant.plan) != bool(mutant.test), mutant.name
        if mutant.test:
            file, _, name = mutant.test.partition("::")
            assert f"def {name.partition('[')[0]}(" in (ROOT / "tests" / file).read_text(encoding="utf-8"), mutant.name
