import json
import shutil
import sys

from beam_actors.testing.security import Profile
from simulations.growth import Row, measure, text


def test_each_size_is_a_row(tmp_path):
    (row,) = measure({2: Profile.FULL}, seed=1, out=tmp_path)
    assert isinstance(row, Row)
    assert (row.size, row.profile, row.passed) == (2, Profile.FULL, True)
    assert row.peak_rss_mb > 10
    assert row.events_per_s > 0
    assert row.simulated_s_per_s > 0
    assert text(row).split()[:2] == ["2", "full"]
    (line,) = (tmp_path / "growth.jsonl").read_text().splitlines()
    assert Row(**json.loads(line)) == row


def test_a_size_whose_process_dies_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    assert list(measure({9: Profile.LIGHT}, seed=1, out=tmp_path)) == ["9 machines, light: no report: exit code 1"]
    assert list(tmp_path.iterdir()) == []
