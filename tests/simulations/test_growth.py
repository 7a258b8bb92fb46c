import json

from simulations.growth import Row, measure, text


def test_each_size_is_a_row_and_what_can_not_be_run_says_so(tmp_path):
    row, sentence = measure({2: "full", -1: "light"}, seed=1, out=tmp_path)
    assert isinstance(row, Row)
    assert (row.size, row.profile, row.passed) == (2, "full", True)
    assert row.peak_rss_mb > 10
    assert row.events_per_s > 0
    assert row.simulated_s_per_s > 0
    assert text(row).split()[:2] == ["2", "full"]
    assert sentence.startswith("-1 machines, light: no report:")
    (line,) = (tmp_path / "growth.jsonl").read_text().splitlines()
    assert Row(**json.loads(line)) == row
