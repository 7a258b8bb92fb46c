"""The one error hierarchy: every error that a caller may meet derives from `BeamError`.

Each class carries a stable `code` (what `--json` and the control API show) and an `exit_code` (what a command ends
with): 1 failed, 2 usage, 3 daemon not running, 4 refused as things are, 5 timed out, 6 not found. A message is one
sentence that a person can act on. OS and library errors are mapped to these at the edge where they occur, never higher
up.
"""

from typing import ClassVar


class BeamError(Exception):
    """Root of all errors of this package."""

    code: ClassVar[str] = "failed"
    exit_code: ClassVar[int] = 1


class UsageError(BeamError, ValueError):
    """A value that a person typed, or a configuration holds, is not acceptable."""

    code = "usage"
    exit_code = 2


class NotAllowed(BeamError, PermissionError):
    """The operation is understood and refused: a rule or the present state is against it."""

    code = "not-allowed"
    exit_code = 4


class KeyReplaced(NotAllowed):
    """The owner opened a later `era` elsewhere, so that the key on this machine signs for nothing any more."""

    def __init__(self, era: int) -> None:
        super().__init__(
            f"The owner's key on this machine was replaced by one of era {era}: `beam stop`, then "
            f"`beam recover --era {era}`, then `beam start --detach`."
        )
        self.era = era


class OwnerRevoked(NotAllowed):
    """This node's owner revoked all keys, so that none signs for anything any more."""

    way_out: ClassVar[str] = "a new recovery phrase makes a new owner, start with another --home"

    def __init__(self) -> None:
        super().__init__(f"This owner was revoked, and no key of theirs signs for a name any more: {self.way_out}.")


class TimedOut(BeamError, TimeoutError):
    """The operation did not end before its deadline."""

    code = "timed-out"
    exit_code = 5


class DaemonNotRunning(BeamError):
    """No daemon answers on the control socket of this home."""

    code = "daemon-not-running"
    exit_code = 3


# --- values -----------------------------------------------------------------------------------------------------------


class InvalidValue(UsageError):
    """Bytes or text do not denote a value of the type they were parsed as."""

    code = "invalid-value"


class InvalidName(InvalidValue):
    """Text is not a name of the grammar, or is a reserved one."""

    code = "invalid-name"


# --- protocols --------------------------------------------------------------------------------------------------------


class ProtocolError(BeamError):
    """A wire protocol was violated, or came to an end before its purpose. Raised as one of its subclasses."""

    code = "protocol-error"


class LocalProtocolError(ProtocolError):
    """This side asked a protocol core for something that its state does not permit: a bug here."""


class RemoteProtocolError(ProtocolError):
    """The other side sent bytes that the protocol does not permit."""


class WrongPeer(RemoteProtocolError):
    """Another peer than the expected one proved its identity at the address."""

    code = "wrong-peer"


class PeerRefused(ProtocolError):
    """The other side won't go on, and said so in words that the protocol permits."""


# --- the network ------------------------------------------------------------------------------------------------------


class NetworkError(BeamError, ConnectionError):
    """An endpoint failed. Raised by drivers, mapped from the OS there and nowhere else."""

    code = "network-error"


class ConnectionRefused(NetworkError):
    """Nothing listens at the address."""

    code = "connection-refused"


class ConnectionLost(NetworkError):
    """An established connection was reset or cut; what was in flight may be lost."""

    code = "connection-lost"


class StreamCut(ConnectionLost):
    """The other side reset one stream of a session, which goes on."""


class Unreachable(NetworkError):
    """No route leads to the address, or it did not answer in time."""

    code = "unreachable"


class AddressInUse(NetworkError):
    """Somebody else listens at the address already."""

    code = "address-in-use"
    exit_code = 4


class AddressNotPermitted(NetworkError):
    """Binding the address needs a privilege that this process lacks, or the address is not on this machine."""

    code = "address-not-permitted"
    exit_code = 4


class ResourceExhausted(NetworkError):
    """A bound was reached: file descriptors, sessions, streams or bytes held."""

    code = "resource-exhausted"


class PeerNotKept(BeamError, LookupError):
    """The peer is unknown here, or nobody asked to stay connected to it: there is nothing to take back."""

    code = "peer-not-kept"
    exit_code = 6


# --- keeping things ---------------------------------------------------------------------------------------------------


class StorageError(BeamError):
    """The disk refused, or holds something that is not ours."""

    code = "storage-error"


class StoreDamaged(StorageError):
    """The database or a record in it fails its own checks."""

    code = "store-damaged"


class StoreTooNew(StorageError):
    """The database or the keystore was written by a newer version of this program."""

    code = "store-too-new"


class HomeInUse(StorageError):
    """Another daemon holds this home."""

    code = "home-in-use"
    exit_code = 4


class KeystoreDamaged(StorageError):
    """The keystore is not one, is cut short, or asks for parameters beyond the caps."""

    code = "keystore-damaged"


class WrongPassphrase(NotAllowed):
    """The keystore is intact and this passphrase or device key does not open it."""

    code = "wrong-passphrase"


# --- names and tunnels ------------------------------------------------------------------------------------------------


class NameNotFound(BeamError, LookupError):
    """No claim, pin or petname is known for the name."""

    code = "name-not-found"
    exit_code = 6


class NameUnclaimed(NameNotFound):
    """It is this owner's own, but none of the owner's claims for it counts now: the key was replaced, say."""


class NameUnheld(NameNotFound):
    """It is bound here, by a pin or a petname, to an owner who is not known to hold it now."""


class NameGivenUp(NameUnheld):
    """That owner has given it up."""


class NameRevoked(NameUnheld):
    """That owner revoked all keys, so it never comes back."""


class NameHandedOver(NameNotFound):
    """Its owner handed the name over, and the heir has not registered it yet: nobody holds it meanwhile."""

    code = "name-handed-over"


class NameTaken(BeamError):
    """Somebody else is known to hold the name."""

    code = "name-taken"
    exit_code = 4


class NameContested(BeamError):
    """Several owners claim the name and no rule decides between them; the caller lists the choices."""

    code = "name-contested"
    exit_code = 4


class ClaimRefused(BeamError):
    """A claim failed a check; `reason` is one of a small fixed set, for counting."""

    code = "claim-refused"
    exit_code = 4

    def __init__(self, reason: str, message: str | None = None) -> None:
        super().__init__(message or f"The claim was refused: {reason}.")
        self.reason = reason


class QuotaExceeded(BeamError):
    """A documented limit was reached; the message says which and what to give up."""

    code = "quota-exceeded"
    exit_code = 4


class PeerOffline(BeamError):
    """The peer that serves the name, or the peer that was named, cannot be reached now."""

    code = "peer-offline"


class TunnelRefused(NotAllowed):
    """The owner's daemon does not let this peer use the tunnel."""

    code = "tunnel-refused"


class TunnelNotFound(BeamError, LookupError):
    """The peer offers no such tunnel, or there is none of that name here."""

    code = "tunnel-not-found"
    exit_code = 6


class TargetDown(BeamError):
    """The tunnel exists and nothing listens on the port that it leads to."""

    code = "target-down"


# --- actors -----------------------------------------------------------------------------------------------------------


class ActorError(BeamError):
    """A message could not be delivered, or its reply will never come."""

    code = "actor-error"


class ActorDead(ActorError):
    """The actor has stopped for good."""

    code = "actor-dead"


class ActorNotFound(ActorError):
    """No actor runs at the path."""

    code = "actor-not-found"
    exit_code = 6


class ActorUnavailable(ActorError):
    """The actor is between two incarnations; asking again later may succeed."""

    code = "actor-unavailable"


class ActorCrashed(ActorError):
    """The actor crashed while it held the message; `__cause__` is what it crashed with."""

    code = "actor-crashed"


class MailboxFull(ActorError):
    """The actor's bounded mailbox refused the message."""

    code = "mailbox-full"


class AskTimeout(ActorError, TimeoutError):
    """No reply came before the deadline."""

    code = "timed-out"
    exit_code = 5


class AskCycle(ActorError):
    """The ask would wait, through others, for the actor that asks; `path` names them in order."""

    code = "ask-cycle"

    def __init__(self, path: tuple[str, ...]) -> None:
        super().__init__(f"An ask would wait for itself: {' -> '.join(path)}.")
        self.path = path


class StartFailed(ActorError):
    """A child's `on_start` raised; `__cause__` is what it raised."""

    code = "start-failed"
