"""One end of a handshake as bytes in and out, whatever is proved in it: its messages, and who is at the other end.

A message travels behind its length (two bytes, big-endian). Invariants: nothing behind the last message is touched; a
peer that is not the expected one ends the handshake; memory held: one message that has not come whole. What a message
says, and what makes it true, is the subclass's matter.
"""

from abc import ABC, abstractmethod
from typing import Final

import attrs

from beam_actors.errors import RemoteProtocolError, WrongPeer
from beam_actors.identity import PeerKey
from beam_actors.values import PeerId
from beam_actors.wire.noise import CipherState, Role, Suite

MAX_HANDSHAKE_MESSAGE: Final = 4096
"""Bytes; a payload with key, signature and a few extensions has some 200."""


@attrs.frozen(slots=True)
class Payload:
    """What a peer proves and offers in its handshake payload."""

    peer: PeerId
    muxers: tuple[str, ...]


class Handshaking(ABC):
    """It is over when `complete`; then `remote` is set.

    Args:
        suite: the cipher suite that both ends agreed to.
        role: the initiator writes first.
        key: this peer's identity.
        expected: the only peer that is acceptable at the other end, if known.
        muxers: what this end would speak, most wanted first.
    """

    __slots__ = ("_expected", "_held", "_key", "_muxers", "_role", "remote", "suite")

    def __init__(
        self, suite: Suite, role: Role, *, key: PeerKey, expected: PeerId | None, muxers: tuple[str, ...]
    ) -> None:
        self._key = key
        self._role = role
        self._expected = expected
        self._muxers = muxers
        self._held = b""
        self.suite = suite
        self.remote: Payload | None = None

    @abstractmethod
    def opening(self) -> bytes:
        """What is sent before anything was received: the initiator's first message, or nothing."""

    def receive(self, data: memoryview) -> tuple[int, bytes]:
        """Feed bytes: (how many were used, bytes to send). Uses nothing after the last handshake message.

        Raises:
            RemoteProtocolError: a message is wrong, too long, or proves nothing.
            WrongPeer: the other end is a peer, but not the expected one.
        """
        used = 0
        replies = b""
        while not self.complete:
            head = self._held + bytes(data[used : used + 2 + MAX_HANDSHAKE_MESSAGE - len(self._held)])
            size = int.from_bytes(head[:2], "big")
            if len(head) >= 2 and not 0 < size <= MAX_HANDSHAKE_MESSAGE:
                raise RemoteProtocolError("A handshake message has an impossible length.")
            if len(head) < 2 or len(head) < 2 + size:
                self._held = head
                return len(data), replies
            used += 2 + size - len(self._held)
            self._held = b""
            replies += self._step(head[2 : 2 + size])
        return used, replies

    @abstractmethod
    def ciphers(self) -> tuple[CipherState, CipherState]:
        """The ciphers (to send with, to receive with), once."""

    @property
    @abstractmethod
    def complete(self) -> bool:
        """Whether both ends said all that they prove; the last message may still wait to be sent."""

    @property
    def muxer(self) -> str | None:
        """The muxer that both payloads chose: the first of the initiator's that both have; None: negotiate one."""
        theirs = self.remote.muxers if self.remote is not None else ()
        first, second = (self._muxers, theirs) if self._role is Role.INITIATOR else (theirs, self._muxers)
        return next((muxer for muxer in first if muxer in second), None)

    @abstractmethod
    def _step(self, message: bytes) -> bytes:
        """Read one message: what is sent in answer, framed; raises as `receive`."""

    def _meet(self, remote: Payload) -> None:
        """This is what the other end proved; raise `WrongPeer` if it is not the expected one."""
        self.remote = remote
        if self._expected is not None and self.remote.peer != self._expected:
            raise WrongPeer(f"{self._expected} was expected at this address; {self.remote.peer} answered.")

    @staticmethod
    def _framed(message: bytes) -> bytes:
        return len(message).to_bytes(2, "big") + message
