"""How the network errors of the OS become ours: the one table, used at the edge where they occur and nowhere higher."""

import errno

from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    ConnectionLost,
    ConnectionRefused,
    NetworkError,
    ResourceExhausted,
    Unreachable,
)

_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_CLASSES: dict[int, type[NetworkError]] = {
    errno.ECONNREFUSED: ConnectionRefused,
    errno.ENOENT: ConnectionRefused,  # a Unix socket whose path does not exist
    errno.EPROTOTYPE: ConnectionRefused,  # a Unix socket of another kind listens there
    errno.ECONNRESET: ConnectionLost,
    errno.EPIPE: ConnectionLost,
    errno.ENOTCONN: ConnectionLost,
    errno.ESHUTDOWN: ConnectionLost,
    errno.EBADF: ConnectionLost,  # used after close: Python leaves -1 as the descriptor
    errno.ENETUNREACH: Unreachable,
    errno.EHOSTUNREACH: Unreachable,
    errno.ENETDOWN: Unreachable,
    errno.EHOSTDOWN: Unreachable,
    errno.ETIMEDOUT: Unreachable,
    errno.EINVAL: Unreachable,  # a loopback address bound to a dial that must leave the machine
    errno.EAFNOSUPPORT: Unreachable,  # no IPv6 on this machine
    errno.EADDRINUSE: AddressInUse,
    errno.EACCES: AddressNotPermitted,
    errno.EPERM: AddressNotPermitted,
    errno.EADDRNOTAVAIL: AddressNotPermitted,
    errno.ENOTDIR: AddressNotPermitted,
    errno.EROFS: AddressNotPermitted,
    **dict.fromkeys(_EXHAUSTED, ResourceExhausted),
    errno.EAGAIN: ResourceExhausted,  # a Unix listener's backlog is full; elsewhere it means "later", never an error
}


def map_os_error(error: OSError, what: str) -> NetworkError:
    """The error of this package for `error`, saying `what` failed; its `__cause__` is left to the caller's `from`."""
    kind = _CLASSES.get(error.errno or 0, NetworkError)
    return kind(f"{what}: {error.strerror or error}.")


def map_established(error: OSError, what: str) -> NetworkError:
    """The same for a connection that was up: whatever ended it, the connection is lost."""
    kind = ResourceExhausted if error.errno in _EXHAUSTED else ConnectionLost
    return kind(f"{what}: {error.strerror or error}.")
