import sys

import pytest

from benchmarks.measures import MEASURES
from benchmarks.plot import draw

SERIES = {"none": [9.0, 9.0], "ssh": [2.0, 3.0], "beam": [1.0, 4.0], "iroh": [0.001, None]}
ROUNDS = {each.name: SERIES for each in MEASURES}


def test_without_matplotlib_it_says_so(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "not installed" in draw(ROUNDS, "title", tmp_path / "ratios.png")
    assert list(tmp_path.iterdir()) == []


def test_it_draws_a_picture(tmp_path):
    pytest.importorskip("matplotlib", reason="the extra `sim` is not installed")
    path = tmp_path / "ratios.png"
    assert draw(ROUNDS, "title", path) == f"plot: {path}"
    assert path.read_bytes().startswith(b"\x89PNG")
