import pytest

from simulations import sources


@pytest.fixture
def root(tmp_path):
    for name in ("beam_actors/a.py", "simulations/faults/b.py", "simulations/plan.json", "tests/c.py"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


@pytest.mark.parametrize("name", ["beam_actors/a.py", "simulations/faults/b.py"])
def test_any_change_of_the_code_is_another_digest(root, name):
    before = sources.of(root)
    (root / name).write_text("changed")
    changed = sources.of(root)
    (root / name).rename(root / name.replace(".py", "2.py"))
    assert len({before, changed, sources.of(root)}) == 3


def test_what_is_no_code_of_a_run_does_not_count(root):
    before = sources.of(root)
    (root / "tests/c.py").write_text("changed")
    (root / "simulations/plan.json").write_text("changed")
    assert sources.of(root) == before


def test_a_process_has_one_digest():
    assert sources.digest() == sources.digest()
    assert len(sources.digest()) == 16
