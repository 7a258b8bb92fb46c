from beam_actors.peers.tally import Tally


def test_the_bound_is_for_each_period_anew():
    tally = Tally(2, 10.0)
    assert [tally.one_more(now) for now in (100.0, 101.0, 109.9, 110.1, 110.2, 110.3)] == [
        True,
        True,
        False,
        True,
        True,
        False,
    ]
