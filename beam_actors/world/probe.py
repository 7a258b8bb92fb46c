"""Whether a local service answers, for a command that warns of one that doesn't: a connection, closed at once."""

import socket
from contextlib import closing


def answers(address: str, *, seconds: float = 1.0) -> bool:
    """Whether something accepts a TCP connection at `IP:PORT` (IPv6 in brackets) within `seconds`."""
    host, _, port = address.rpartition(":")
    try:
        with closing(socket.create_connection((host.strip("[]"), int(port)), seconds)):
            return True
    except OSError:
        return False
