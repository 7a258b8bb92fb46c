"""The local app of the soak, a process of its own.

It prints its port, then one line per finished `S`. The first byte of a connection chooses what it does:

- `E` echo everything, and end after the other side has ended (half-close);
- `S` send SIZE bytes of the known stream while hashing what arrives, then print the hash ("S" + 8 bytes of size);
- `Z` send zeros for ever (for stalled readers);
- `Q` say nothing, and never end.
"""

import hashlib
import json
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress

BLOCK = b"".join(hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(1 << 15))  # 1 MiB
CHUNK = 1 << 18


def known_stream(size: int) -> Iterator[memoryview]:
    """`size` bytes that everybody can regenerate: a 1 MiB block, rotated by its number so that order matters."""
    view = memoryview(BLOCK + BLOCK)
    number = 0
    while size > 0:
        start = (number * 4099) % len(BLOCK)
        part = view[start : start + min(size, len(BLOCK))]
        yield part
        size -= len(part)
        number += 1


def known_hash(size: int) -> str:
    """The SHA-256 of `known_stream(size)`."""
    digest = hashlib.sha256()
    for part in known_stream(size):
        digest.update(part)
    return digest.hexdigest()


def send_all(connection: socket.socket, size: int) -> None:
    """Send the known stream and half-close."""
    for part in known_stream(size):
        connection.sendall(part)
    connection.shutdown(socket.SHUT_WR)


def hash_until_end(connection: socket.socket) -> tuple[int, str]:
    """Read to the clean end: how many bytes, and their SHA-256."""
    digest, size, buffer = hashlib.sha256(), 0, memoryview(bytearray(CHUNK))
    while got := connection.recv_into(buffer):
        digest.update(buffer[:got])
        size += got
    return size, digest.hexdigest()


def _both_ways(connection: socket.socket) -> None:
    size = int.from_bytes(_exactly(connection, 8), "big")
    sender = threading.Thread(target=send_all, args=(connection, size))
    sender.start()
    got, digest = hash_until_end(connection)
    sender.join()
    print(json.dumps({"bytes": got, "sha256": digest}), flush=True)


def _exactly(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        part = connection.recv(size - len(data))
        if not part:
            raise ConnectionError("ended early")
        data += part
    return data


def _serve(connection: socket.socket) -> None:
    with connection:
        try:
            match connection.recv(1):
                case b"E":
                    while data := connection.recv(CHUNK):
                        connection.sendall(data)
                    connection.shutdown(socket.SHUT_WR)
                case b"S":
                    _both_ways(connection)
                case b"Z":
                    with suppress(OSError):  # it ends when the reader goes away
                        while True:
                            connection.sendall(bytes(CHUNK))
                case b"Q":
                    threading.Event().wait()
                case _:
                    pass
        except OSError as error:
            print(json.dumps({"error": repr(error)}), file=sys.stderr, flush=True)


def main() -> None:
    """Serve each connection in a thread, for ever."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
