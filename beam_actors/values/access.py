"""Who may use a service that a node offers.

Rules. An HTTP service is open to every peer unless peers are named; a raw port must say who, since what listens on one
rarely expects strangers. A peer is who its session proved it to be: nothing in a request counts.
"""

from collections.abc import Iterable

import attrs

from beam_actors.errors import UsageError
from beam_actors.values.peer_id import PeerId

MAX_PEERS = 64


@attrs.frozen(slots=True)
class Access:
    """The peers that may use a tunnel; None means every peer."""

    peers: frozenset[PeerId] | None

    def __attrs_post_init__(self) -> None:
        """Refuse what could not be stored."""
        if self.peers is not None and len(self.peers) > MAX_PEERS:
            raise UsageError(f"A tunnel names at most {MAX_PEERS} peers, not {len(self.peers)}.")

    @classmethod
    def parse(cls, words: Iterable[str], *, port: int | None) -> "Access":
        """Read the words of `--allow` (`everyone`, or peer ids) for a raw `port`, or for HTTP (None).

        Without a word HTTP is open to every peer; a raw port must say who. Raises `UsageError` with what to change.
        """
        given = list(words)
        if not given and port is not None:
            raise UsageError(f"Say who may use raw port {port}: --allow PEER (may repeat), or --allow everyone.")
        if not given:
            return EVERYONE
        if "everyone" in given:
            if len(set(given)) > 1:
                raise UsageError("Allow either everyone or certain peers, not both: --allow everyone, or --allow PEER.")
            return EVERYONE
        return cls(frozenset(map(PeerId.parse, given)))

    def permits(self, peer: PeerId) -> bool:
        """Whether the peer, as its session proved it, may use the tunnel."""
        return self.peers is None or peer in self.peers

    @property
    def words(self) -> tuple[str, ...]:
        """What `--allow` would say."""
        return ("everyone",) if self.peers is None else tuple(sorted(map(str, self.peers)))

    def __str__(self) -> str:
        return ", ".join(self.words)


EVERYONE = Access(None)
