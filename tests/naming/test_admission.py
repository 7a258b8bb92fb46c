import attrs
import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import ClaimRefused
from beam_actors.naming.admission import Admission, Verdict
from beam_actors.naming.claim import Claim, Kind
from beam_actors.naming.limits import DAY, HOUR, MAX_AHEAD, RETENTION, Limits
from beam_actors.naming.precedence import place_of
from beam_actors.naming.ranking import is_live
from beam_actors.naming.registry import Registry
from beam_actors.naming.work import Levels
from beam_actors.values import Name, cbor
from tests.naming.builders import CHEAP, NETWORK, NOW, claim, owner_id, owner_key, pool, revocation, solved

SMALL = Limits(holds_per_owner=2, owners_per_name=2, claims=5, revocations=1)


def rules(*known, limits=SMALL, spared=()) -> Admission:
    registry = Registry()
    registry.merge_all(known)
    return Admission(registry, limits, lambda claim: claim.owner in spared)


def refusal(admission: Admission, one: Claim, now: float = NOW) -> str:
    with pytest.raises(ClaimRefused) as caught:
        admission.judge(one, now)
    return caught.value.reason


def unsigned(one: Claim) -> Claim:
    return Claim.parse(cbor.encode([one.body, bytes(64)]), network=NETWORK)


def test_a_genuine_claim_is_new_then_known_then_superseded():
    assert rules().judge(claim(), NOW) is Verdict.NEW
    assert rules(claim()).judge(claim(), NOW) is Verdict.KNOWN
    assert rules(claim(seq=2)).judge(claim(seq=1), NOW) is Verdict.SUPERSEDED
    assert rules(claim(seq=2)).judge(claim(seq=2, variant=1), NOW) is Verdict.NEW  # an equivocation is news
    assert rules(claim(seq=9)).judge(claim(seq=1, era=1), NOW) is Verdict.NEW
    assert rules(claim(seq=1, era=1)).judge(claim(seq=9), NOW) is Verdict.SUPERSEDED
    assert rules(claim(seq=1, era=1)).judge(claim(name="bob"), NOW) is Verdict.SUPERSEDED  # a thief's, by now


def test_a_forged_claim_is_refused():
    assert refusal(rules(), unsigned(claim())) == "signature"


def test_another_owners_key_does_not_sign():
    mine, theirs = claim(0), claim(1)
    forged = Claim.parse(cbor.encode([mine.body, theirs.signature]), network=NETWORK)
    assert refusal(rules(), forged) == "signature"


def test_the_time_window():
    one, end = claim(valid=DAY), 30 * DAY
    assert rules().judge(one, NOW - MAX_AHEAD) is Verdict.NEW
    assert rules().judge(one, NOW - MAX_AHEAD - 1) is Verdict.EARLY
    assert rules().judge(one, NOW - DAY) is Verdict.EARLY
    assert refusal(rules(), one, NOW - DAY - 1) == "future"
    assert rules().judge(one, NOW + end) is Verdict.NEW  # it ended long ago, and still replaces what came before it
    assert refusal(rules(), one, NOW + end + 1) == "expired"
    assert refusal(rules(), one, NOW + 3650 * DAY) == "expired"
    assert refusal(rules(), one, NOW - 3650 * DAY) == "future"


@given(st.sampled_from(pool()), st.lists(st.integers(-3 * DAY, 40 * DAY), min_size=2, max_size=6))
def test_the_clock_is_used_monotonically(one, offsets):
    """As time goes on a claim is too far ahead, waits, is acceptable, has expired: never backwards."""
    stages = []
    for offset in sorted(offsets):
        try:
            stages.append({Verdict.EARLY: 1, Verdict.NEW: 2}[rules(limits=Limits()).judge(one, NOW + offset)])
        except ClaimRefused as refused:
            stages.append({"future": 0, "expired": 3}[refused.reason])
    assert stages == sorted(stages)


def test_a_claim_that_begins_later_waits_for_its_beginning():
    """What is taken in holds the name at once: else a rival would come by time alone, and nobody would notice."""
    terms = evolve(claim().terms, not_before=NOW + 3600)
    one = Claim.sign(terms, owner_key(0))
    assert rules().judge(one, NOW) is Verdict.EARLY
    assert rules().judge(one, NOW + 3600 - MAX_AHEAD - 1) is Verdict.EARLY
    assert rules().judge(one, NOW + 3600 - MAX_AHEAD) is Verdict.NEW
    assert is_live(one, NOW + 3600 - MAX_AHEAD)
    far = Claim.sign(evolve(terms, not_before=NOW + DAY + 1), owner_key(0))
    assert refusal(rules(), far) == "future"


def test_what_was_forgotten_is_not_admitted_again_even_if_the_clock_is_set_back():
    old = claim(seq=1, issued=NOW, valid=30 * DAY)
    new = claim(seq=2, issued=NOW + 60, valid=DAY, kind=Kind.TOMBSTONE)
    admission = rules(old, new)
    admission._registry.forget(NOW + 60 + RETENTION + 1)
    for now in (NOW, NOW + 60, NOW + DAY, NOW + RETENTION):
        assert refusal(admission, old, now) == "expired"
        assert refusal(admission, new, now) == "expired"


FIRST, SECOND, LAST = sorted(range(3), key=lambda number: place_of(claim(number)))
"""The owners of alice in the order in which they would be kept."""
BEST, GOOD, LEAST = sorted(("a1", "a2", "a3"), key=lambda name: place_of(claim(0, name)))
"""The same of an owner's names."""


def test_quotas():
    full = rules(claim(0, BEST), claim(0, GOOD))
    assert refusal(full, claim(0, LEAST)) == "quota"
    assert rules(claim(0, GOOD), claim(0, LEAST)).judge(claim(0, BEST), NOW) is Verdict.NEW  # another one goes for it
    assert full.judge(claim(0, GOOD, 2), NOW) is Verdict.NEW  # a renewal takes no further room
    assert full.judge(claim(0, GOOD, 2, kind=Kind.TOMBSTONE), NOW) is Verdict.NEW  # nor does a release
    assert full.judge(claim(1, "a3"), NOW) is Verdict.NEW
    crowded = rules(claim(FIRST), claim(SECOND))
    assert refusal(crowded, claim(LAST)) == "quota"
    assert rules(claim(SECOND), claim(LAST)).judge(claim(FIRST), NOW) is Verdict.NEW
    assert crowded.judge(claim(LAST, "bob"), NOW) is Verdict.NEW
    released = rules(claim(0, BEST, kind=Kind.TOMBSTONE), claim(0, GOOD))
    for kind in (Kind.LIVE, Kind.TOMBSTONE):
        assert refusal(released, claim(0, LEAST, kind=kind)) == "quota"
    everything = [claim(owner, f"n{owner}") for owner in range(3)]
    assert refusal(rules(*everything, claim(0, "n7"), claim(1, "n8")), claim(2, "n9")) == "quota"


def test_what_must_go_for_a_newcomer():
    assert rules(claim(FIRST), claim(SECOND), claim(LAST)).surplus((Name("alice"), owner_id(FIRST))) == [
        (Name("alice"), owner_id(LAST))
    ]
    assert rules(claim(FIRST), claim(SECOND), claim(LAST), spared={owner_id(LAST)}).surplus() == []


def test_a_claim_of_which_the_work_is_not_known_yet_may_be_the_best():
    levels = Levels(NETWORK, CHEAP)
    known = [solved(claim(number)).proved(3) for number in (FIRST, SECOND)]
    admission = asking(levels, *known, limits=SMALL)
    late = solved(claim(LAST))
    assert judged(admission, late) is Verdict.UNPROVEN
    levels.remember(late, 3)
    assert judged(admission, late) == "quota"
    levels.remember(late, 4)
    assert judged(admission, late) is Verdict.NEW


def test_an_owner_who_opens_an_era_is_not_held_to_what_the_era_before_claimed():
    full = rules(claim(0, "a1"), claim(0, "a2"), claim(1, "b1"), claim(1, "b2"), claim(2, "c1"))
    assert refusal(full, claim(2, "c2")) == "quota"  # this node is full
    assert full.judge(claim(0, "a3", era=1), NOW) is Verdict.NEW


def test_what_a_person_trusts_goes_beyond_the_quotas_but_not_for_ever():
    everybody = [claim(FIRST), claim(SECOND), claim(LAST, "x1"), claim(LAST, "x2")]
    assert rules(*everybody, spared={owner_id(LAST)}).judge(claim(LAST), NOW) is Verdict.NEW
    few = attrs.evolve(SMALL, holds_per_trusted_owner=2)
    assert refusal(rules(*everybody, limits=few, spared={owner_id(LAST)}), claim(LAST)) == "quota"
    assert refusal(rules(*everybody), claim(LAST)) == "quota"


def test_a_flood_is_turned_away_before_its_signatures_are_checked():
    full = rules(claim(0, BEST), claim(0, GOOD))
    assert refusal(full, unsigned(claim(0, LEAST))) == "quota"
    assert refusal(rules(), unsigned(claim()), NOW + 31 * DAY) == "expired"


def test_the_revoked_stay_revoked():
    assert rules(claim()).judge(revocation(0), NOW) is Verdict.NEW
    assert rules(revocation(0)).judge(revocation(0), NOW) is Verdict.KNOWN
    assert refusal(rules(revocation(0)), claim(0, era=3)) == "revoked"
    assert refusal(rules(), unsigned(revocation(0))) == "signature"
    assert refusal(rules(revocation(0)), revocation(1)) == "quota"  # of an owner of whom nothing is known
    assert refusal(rules(revocation(0), claim(1)), revocation(1)) == "quota"  # and of one who made itself known first
    assert rules(revocation(0), spared={owner_id(1)}).judge(revocation(1), NOW) is Verdict.NEW
    remade = Claim.parse(cbor.encode([revocation(0).body, bytes(64)]), network=NETWORK)
    assert rules(revocation(0)).judge(remade, NOW) is Verdict.KNOWN


def test_owners_who_claim_and_revoke_at_once_take_no_room_from_claims():
    registry = Registry()
    admission = Admission(registry, evolve(SMALL, claims=2, revocations=2))
    for number in range(2):
        for one in (claim(number, f"n{number}"), revocation(number)):
            assert admission.judge(one, NOW) is Verdict.NEW
            registry.merge(one)
    assert len(registry) == registry.revocations == 2
    for name in ("a1", "a2"):
        assert admission.judge(claim(2, name), NOW) is Verdict.NEW
        registry.merge(claim(2, name))
    assert refusal(admission, claim(3, "a3")) == "quota"
    registry.bar(owner_id(3))  # a revocation that was lost takes no claim's place either
    assert registry.claims == 2
    registry.merge(revocation(3))
    assert registry.claims == 2


# --- work -------------------------------------------------------------------------------------------------------------


def asking(levels: Levels, *known, limits=Limits()) -> Admission:  # noqa: B008 (frozen)
    registry = Registry()
    registry.merge_all(known)
    return Admission(registry, limits, levels=levels)


def judged(admission: Admission, one: Claim, **more) -> Verdict | str:
    try:
        return admission.judge(admission.appraise(one), NOW, **more)
    except ClaimRefused as refused:
        return refused.reason


def test_work_is_looked_at_last_and_computed_elsewhere():
    levels = Levels(NETWORK, CHEAP)
    admission = asking(levels)
    good, early = solved(claim()), solved(claim(seq=2, issued=NOW + HOUR))
    assert judged(admission, good) is Verdict.UNPROVEN
    assert judged(admission, unsigned(good)) == "signature"
    levels.remember(good, levels.compute(good))
    assert judged(admission, good) is Verdict.NEW
    assert judged(admission, early) is Verdict.EARLY


def test_a_claim_without_enough_work_is_refused_before_its_signature():
    levels = Levels(NETWORK, CHEAP)
    bad = solved(claim(1))
    levels.remember(bad, 0)
    for one in (claim(), claim(kind=Kind.TOMBSTONE), bad, unsigned(bad)):
        assert judged(asking(levels), one) == "work"
    assert judged(asking(levels), revocation()) is Verdict.NEW


def test_a_renewal_with_the_same_work_is_not_computed_again():
    admission = asking(Levels(NETWORK, CHEAP), solved(claim()).proved(7))
    renewed = admission.appraise(solved(claim(seq=2)))
    assert (renewed.level, admission.judge(renewed, NOW)) == (7, Verdict.NEW)
    assert judged(admission, solved(claim(seq=2), 5)) is Verdict.UNPROVEN


def test_an_older_claim_is_computed_only_if_its_work_is_another():
    levels = Levels(NETWORK, CHEAP)
    admission = asking(levels, solved(claim(seq=2)).proved(3))
    assert judged(admission, solved(claim())) is Verdict.SUPERSEDED
    better = solved(claim(), 6)
    assert judged(admission, better) is Verdict.UNPROVEN
    levels.remember(better, 6)
    assert judged(admission, better) is Verdict.NEW
    levels.remember(better, 3)
    assert judged(admission, better) is Verdict.SUPERSEDED


def test_own_claims_are_not_computed_but_must_be_known_to_be_good():
    admission = asking(Levels(NETWORK, CHEAP))
    assert judged(admission, solved(claim()).proved(2), ours=True) is Verdict.NEW
    for one in (solved(claim()), claim(), solved(claim()).proved(1)):
        assert judged(admission, one, ours=True) == "work"
    assert judged(admission, revocation(), ours=True) is Verdict.NEW


def test_where_no_work_is_asked_for_none_is_looked_at():
    for one in (claim(), solved(claim())):
        assert rules().appraise(one) is one
        assert rules().judge(one, NOW) is Verdict.NEW
