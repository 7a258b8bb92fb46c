"""What Python alone costs: a tunnel of an epoll loop and AES-256-GCM only, by `owner TARGET` and `visitor PORT`.

No handshake, no multiplexing, no windows, no names, no limits: each connection has a connection of its own between the
two processes, with records of two bytes of length and a sealed piece. It is written as one would write it in an hour.
"""

import os
import select
import socket
import sys
import threading

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY = bytes(32)
PIECE = 65_519  # and a tag of 16 bytes
FULL = 1 << 18


class End:
    """One of the two sockets of a forwarded connection; what it takes in goes to `other`."""

    def __init__(self, sock: socket.socket, *, sealed: bool) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock, self.sealed = sock, sealed
        self.other: End
        self.out, self.partial = bytearray(), bytearray()
        self.number = self.opened = 0
        self.ended = False


def pump(ends: dict[int, End], poller: select.epoll, end: End) -> None:
    """Move what is there to the other end."""
    try:
        data = end.sock.recv(FULL)
    except BlockingIOError:
        return
    except OSError:
        data = b""
    other = end.other
    if not data:
        end.ended = True
        poller.modify(end.sock, 0)
    elif end.sealed:
        end.partial += data
        while len(end.partial) > 2 and len(end.partial) >= (size := 2 + int.from_bytes(end.partial[:2], "big")):
            other.out += CIPHER.decrypt(end.opened.to_bytes(12, "big"), bytes(end.partial[2:size]), None)
            end.opened += 1
            del end.partial[:size]
    else:
        for place in range(0, len(data), PIECE):
            piece = CIPHER.encrypt(other.number.to_bytes(12, "big"), data[place : place + PIECE], None)
            other.number += 1
            other.out += len(piece).to_bytes(2, "big") + piece
    flush(ends, poller, other)


def flush(ends: dict[int, End], poller: select.epoll, end: End) -> None:
    """Write what waits; then pass the end on, and take in again."""
    try:
        while end.out:
            del end.out[: end.sock.send(end.out)]
        if end.other.ended:
            end.sock.shutdown(socket.SHUT_WR)
    except BlockingIOError:
        pass
    except OSError:
        end.ended = end.other.ended = True
        end.out.clear()
    if end.ended and end.other.ended and not end.out and not end.other.out:
        for one in (end, end.other):
            if ends.pop(one.sock.fileno(), None) is not None:
                poller.unregister(one.sock)
                one.sock.close()
        return
    for one in (end, end.other):
        reads = not one.ended and len(one.other.out) < FULL
        poller.modify(one.sock, (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if one.out else 0))


def forward(listener: socket.socket, to: int, *, inside: bool) -> None:
    """Forward what the listener accepts to the port `to`; `inside` says that the accepted side is the sealed one."""
    poller, ends = select.epoll(), {}
    poller.register(listener, select.EPOLLIN)
    while True:
        for descriptor, events in poller.poll():
            if descriptor == listener.fileno():
                accepted, _ = listener.accept()
                one = End(accepted, sealed=inside)
                other = End(socket.create_connection(("127.0.0.1", to)), sealed=not inside)
                one.other, other.other = other, one
                for end in (one, other):
                    ends[end.sock.fileno()] = end
                    poller.register(end.sock, select.EPOLLIN)
            elif (end := ends.get(descriptor)) is not None:
                if events & select.EPOLLOUT:
                    flush(ends, poller, end)
                if events & ~select.EPOLLOUT and end.sock.fileno() >= 0:
                    pump(ends, poller, end)


def until_input_ends() -> None:
    """Whoever started this closes its input when it is done."""
    sys.stdin.read()
    os._exit(0)


CIPHER = AESGCM(KEY)
if __name__ == "__main__":
    threading.Thread(target=until_input_ends, daemon=True).start()
    own = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(own.getsockname()[1], flush=True)
    forward(own, int(sys.argv[2]), inside=sys.argv[1] == "owner")
