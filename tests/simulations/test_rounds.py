import json

import attrs
import pytest

from simulations.rounds import DEADLINE, Attack, Kind, Row, keep, measure, text


def rows_of(size, *attacks, paths=(1, 4), searches=40, churn=0.2, seed=1):
    """Few keys, since the tables around each are what takes the time."""
    found = measure(size, list(attacks), list(paths), searches=searches, churn=churn, seed=seed, keys=4)
    return {(row.attack, row.paths): row for row in found}


def test_where_nobody_leaves_and_nobody_lies_the_nearest_are_found_each_time():
    for row in rows_of(200, Attack(), churn=0.0).values():
        assert row.success == 1.0
        assert row.lost == 0.0
        assert row.recall > 0.95  # some are too far away to answer within the second that a search waits
        assert row.end_p95_s < DEADLINE


def test_under_churn_searches_succeed_and_rounds_grow_slowly():
    small, large = (rows_of(size, Attack(), paths=[4])["none", 4] for size in (100, 800))
    assert small.success == large.success == 1.0
    assert small.recall > 0.95 < large.recall
    assert small.rounds < large.rounds < small.rounds + 1.5
    assert large.asked < 45
    assert 0 < large.first_p50_s < large.end_p50_s


def test_four_paths_find_what_one_does_not():
    near, hidden = Attack(kind=Kind.NEAR, share=0.5), Attack(kind=Kind.HIDDEN, share=0.2)
    rows = rows_of(300, near, hidden)
    for attack in (near, hidden):
        one, four = rows[str(attack), 1], rows[str(attack), 4]
        assert one.success < four.success
        assert four.success >= 0.95


def test_a_gang_before_all_others_needs_more_than_a_few_networks():
    few, many = Attack(kind=Kind.NEAREST, networks=4), Attack(kind=Kind.NEAREST)
    rows = rows_of(300, few, many, searches=20)
    assert rows[str(few), 4].success == 1.0
    assert rows[str(many), 4].success < 0.7  # no number of paths leads past it


def test_black_holes_hide_nothing_and_cost_little():
    attack = Attack(kind=Kind.HOLES, share=0.1)
    row = rows_of(300, attack, paths=[4], searches=20)[str(attack), 4]
    assert row.success == 1.0
    assert row.recall > 0.95
    assert row.end_p50_s < 8  # 9.8 where nobody answers for whom it names


def test_everywhere_is_the_mildest():
    attack = Attack(kind=Kind.EVERYWHERE, share=0.2)
    assert rows_of(300, attack, paths=[4], searches=20)[str(attack), 4].success == 1.0


def test_one_seed_is_one_table_and_another_is_another():
    attack = Attack(kind=Kind.NEAR, share=0.2)
    one, again, other = (rows_of(100, attack, searches=8, seed=seed) for seed in (1, 1, 2))
    assert one == again
    assert one != other


def test_a_row_is_a_line_and_is_kept(tmp_path):
    row = rows_of(60, Attack(), paths=[2], searches=3)["none", 2]
    assert row.searches == 3
    assert text(row).split()[:4] == ["60", "none", "2", "3"]
    keep(row, tmp_path)
    keep(row, tmp_path)
    lines = (tmp_path / "rounds.jsonl").read_text().splitlines()
    assert [Row(**json.loads(line)) for line in lines] == [row, row]
    assert " - /" in text(attrs.evolve(row, first_p50_s=None, first_p95_s=None))


@pytest.mark.parametrize(
    ("attack", "words"),
    [
        (Attack(), "none"),
        (Attack(kind=Kind.NEAR, share=0.5), "50% near"),
        (Attack(kind=Kind.HIDDEN, share=0.2, networks=4), "20% hidden, 4 /24"),
        (Attack(kind=Kind.NEAREST, share=0.2, networks=8), "30 nearest, 8 /24"),
    ],
)
def test_an_attack_says_what_it_is(attack, words):
    assert str(attack) == words
