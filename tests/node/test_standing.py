"""What an own name is to a machine, by the era of its key."""

import pytest

from beam_actors.naming import Held
from beam_actors.node.standing import CLAIMED, NameStanding, standing_of
from beam_actors.values import Name, OwnerId

SITE, LOST = Name("site"), NameStanding(yours=False)


@pytest.mark.parametrize(
    ("said", "revoked", "standing"),
    [
        (0, False, CLAIMED),
        (1, False, CLAIMED),
        (2, False, NameStanding(yours=False, replaced_by=2)),
        (1, True, LOST),
        (2, True, LOST),  # no key took the place of this one's
    ],
)
def test_a_name_is_ones_own_as_far_as_the_key_here_signs_for_it(said, revoked, standing):
    held = Held(
        name=SITE, relation="own", target=SITE, how=None, owner=OwnerId(bytes(32)), peers=(), expires=None, since=1.0,
        era=said, revoked=revoked,
    )  # fmt: skip
    assert standing_of(held, 1) == standing


def test_a_name_that_is_kept_no_more_is_not_ones_own():
    assert standing_of(None, 0) == LOST
