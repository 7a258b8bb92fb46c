"""Which of several sessions to one peer takes new streams (pure); both ends must come to the same answer.

Two sessions come about when both ends dial at once, or when one end lost a session that the other still believes in.
The one that the lower peer id dialled wins; between two of the same dialler, the later. The others drain: they take no
new streams and close once they have had none for a while (design: sessions).
"""

from collections.abc import Iterable

import attrs

from beam_actors.values import PeerId


@attrs.frozen(slots=True)
class Candidate:
    """A session as the choice sees it; `number` grows with each session to this peer."""

    number: int
    dialled_here: bool


def preferred(sessions: Iterable[Candidate], us: PeerId, them: PeerId) -> Candidate | None:
    """The session for new streams, or None when there is none."""
    lower_is_here = us < them
    return max(sessions, key=lambda item: (item.dialled_here == lower_is_here, item.number), default=None)
