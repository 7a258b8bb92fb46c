"""One transfer there and back through a recorder between two daemons: is it ciphertext, and as much as it should be?

`python -m benchmarks.recorded` prints what it found and exits with 1 if something is wrong. The visitor knows the owner
by the recorder's address alone. What can't have gone through the record counts as missing.
"""

import hashlib
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import attrs

from benchmarks.ciphertext import Malformed, Verdict, examine, fragments
from benchmarks.pair import two_daemons
from benchmarks.recorder import Record, recording

NAME = "plainly-recorded-7q4w"
PATTERN = b"not to be read underway; "
PAYLOAD = (PATTERN * ((1 << 23) // len(PATTERN) + 1))[: 1 << 23]
WORDS = [NAME.encode(), b"/beam/tunnel/", b"/beam/names/", b"/ipfs/id/"]
"""The name, and protocols that are agreed on within the session."""
PATIENCE = 60.0


@contextmanager
def mirror() -> Iterator[int]:
    """A service that takes the payload to its end and then sends it back, if it came whole; yields its port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):  # closed, or the visitor sees it
                while True:  # whoever offers it may look first whether something listens
                    connection, _ = listener.accept()
                    with connection:
                        if received(connection):
                            connection.sendall(PAYLOAD)

        threading.Thread(target=serve, daemon=True).start()
        yield int(listener.getsockname()[1])


def received(connection: socket.socket) -> bool:
    """Read to the end: whether it was the payload."""
    digest = hashlib.sha256()
    connection.settimeout(PATIENCE)
    while data := connection.recv(1 << 18):
        digest.update(data)
    return digest.digest() == hashlib.sha256(PAYLOAD).digest()


def transfer() -> tuple[bool, list[Record]]:
    """Carry the payload there and back: whether it came whole, and what was recorded."""
    with two_daemons() as pair, mirror() as target:
        identity = pair.owner.beam("id")
        port = int(identity["addresses"][0].split("/")[4])
        with recording(port) as recorder:
            pair.visitor.beam("connect", f"/ip4/127.0.0.1/tcp/{recorder.port}/p2p/{identity['peer_id']}")
            forwarded = pair.offer_named(target, NAME)
            with socket.create_connection(("127.0.0.1", forwarded), timeout=PATIENCE) as visitor:
                visitor.sendall(PAYLOAD)
                visitor.shutdown(socket.SHUT_WR)
                whole = received(visitor)
            return whole, recorder.records


def judge(record: Record) -> dict[str, Verdict]:
    """What is found in both directions."""
    pieces, size = fragments(PATTERN), len(PAYLOAD)
    return {
        side: examine(kept, handshakes=count, pieces=pieces, words=WORDS, payload=size, returned=size)
        for side, kept, count in (("to the owner", record.up, 2), ("to the visitor", record.down, 1))
    }


def report() -> tuple[list[str], dict[str, object]]:
    """The faults, and what is kept of the round."""
    whole, records = transfer()
    faults = [] if whole else ["the payload did not come back whole"]
    if len(records) != 1:
        return [*faults, f"{len(records)} connections passed the recorder, where one was to"], {}
    try:
        verdicts = judge(records[0])
    except Malformed as error:
        return [*faults, str(error)], {}
    for side, verdict in verdicts.items():
        faults += [f"{side}: {fault}" for fault in verdict.faults]
        print(
            f"recorded, {side}: {verdict.size:,} bytes for a payload of {verdict.payload:,} (at most "
            f"{verdict.bound:,}), "
            f"{verdict.clear} in the clear, {verdict.handshake} of handshake, {verdict.messages} sealed messages; "
            f"chi-square {verdict.deviations:+.1f} deviations, zlib {verdict.packed:.4f}"
        )
    return faults, {side: attrs.asdict(verdict) for side, verdict in verdicts.items()}


def main() -> int:
    """Record, judge and print; the exit code says whether all is well."""
    faults, _ = report()
    for fault in faults:
        print(f"MISS recorded: {fault}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
