from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Kind
from beam_actors.naming.limits import DAY, MAX_AHEAD, STALE_GRACE
from beam_actors.naming.ranking import Clear, Contested, Settled, Sole, decide, is_live
from beam_actors.naming.registry import Registry
from beam_actors.values import Name
from tests.naming.builders import NOW, claim, owner_id, pool

ALICE = Name("alice")


def entries(*known):
    registry = Registry()
    registry.merge_all(known)
    return registry.entries(ALICE)


def test_a_claim_is_used_when_it_is_alone():
    assert decide(entries(claim(0)), NOW) == Sole(claim(0))
    assert decide(entries(), NOW) is None


def test_two_owners_settle_nothing():
    result = decide(entries(claim(0), claim(1)), NOW)
    assert isinstance(result, Contested)
    assert set(result.claims) == {claim(0), claim(1)}


def test_earlier_times_and_higher_numbers_win_nothing():
    backdated, busy = claim(0, issued=NOW - 20 * DAY), claim(1, seq=1000)
    assert isinstance(decide(entries(backdated, busy), NOW), Contested)


def test_released_expired_and_coming_claims_do_not_count():
    assert decide(entries(claim(0), claim(1, kind=Kind.TOMBSTONE)), NOW) == Sole(claim(0))
    assert decide(entries(claim(0), claim(1, valid=5)), NOW + 6) == Sole(claim(0))
    assert decide(entries(claim(0, seq=2, kind=Kind.TOMBSTONE), claim(0)), NOW) is None
    assert is_live(claim(0), NOW - MAX_AHEAD)
    assert not is_live(claim(0), NOW - MAX_AHEAD - 1)


def test_an_owner_who_equivocates_is_one_owner():
    both = entries(claim(0, variant=0), claim(0, variant=1))
    result = decide(both, NOW)
    assert isinstance(result, Sole)
    assert result.claim.id == max(claim(0, variant=0).id, claim(0, variant=1).id)


def test_an_ended_claim_counts_while_nobody_can_be_asked():
    known = entries(claim(0, valid=DAY))
    assert decide(known, NOW + DAY + 1) is None
    assert decide(known, NOW + DAY + 1, cut_off=True) == Sole(claim(0, valid=DAY))
    assert decide(known, NOW + DAY + STALE_GRACE + 1, cut_off=True) is None
    fresh = entries(claim(0, valid=DAY), claim(1))
    assert decide(fresh, NOW + DAY + 1, cut_off=True) == Sole(claim(1))


@given(st.lists(st.sampled_from(pool()), max_size=12), st.randoms(use_true_random=False), st.integers(0, 40 * DAY))
def test_it_is_a_function_of_what_is_known(some, random, later):
    shuffled = list(some)
    random.shuffle(shuffled)
    assert decide(entries(*(one for one in some)), NOW + later) == decide(entries(*shuffled), NOW + later)


def worked(owner, level, **more):
    return claim(owner, **more).proved(level)


def test_four_times_the_work_of_every_rival_decides():
    assert decide(entries(worked(0, 12), worked(1, 10), worked(2, 3)), NOW) == Clear(claim(0))
    assert isinstance(decide(entries(worked(0, 12), worked(1, 11)), NOW), Contested)
    assert isinstance(decide(entries(worked(0, 12), worked(1, 12), worked(2, 10)), NOW), Contested)
    assert isinstance(decide(entries(worked(0, 0), worked(1, 0)), NOW), Contested)


def test_work_of_one_that_has_ended_counts_for_nothing():
    ended = worked(1, 12, valid=5)
    assert isinstance(decide(entries(worked(0, 12), ended), NOW), Contested)
    assert decide(entries(worked(0, 12), ended), NOW + 6) == Sole(claim(0))
    assert decide(entries(worked(0, 12), worked(2, 10), ended), NOW + 6) == Clear(claim(0))


def test_the_best_work_seen_counts_not_what_is_said_last():
    less = claim(0, seq=2).proved(10)
    assert decide(entries(worked(0, 12), less, worked(1, 10)), NOW) == Clear(less)


def test_what_is_settled_goes_before_what_is_clear():
    known = entries(worked(0, 14), worked(1, 10))
    assert decide(known, NOW, settled=owner_id(1)) == Settled(claim(1))
