"""Datagrams by the batch: `recvmmsg` and `sendmmsg`, where the C library has them as Linux on 64 bits does.

Python's own calls make an address and an object of 64 KiB for each datagram, and enter the kernel twice for it. Here a
batch lies in memory that was taken once: a reply is written over its question, the sender's address stays where the
kernel put it, and one call sends the batch. The invariants: nothing is read beyond what the kernel says that it wrote;
the memory holds one batch at a time, and what is handed over is a copy. Neither call waits, and the interpreter's lock
is kept meanwhile, for giving it away costs more than they do.
"""

import ctypes
import functools
import mmap
import socket
import sys
from collections.abc import Callable

from beam_actors.ports import ReplyTo
from beam_actors.values import TcpAddress

SIZE = 16
"""Datagrams in a batch: few enough for the asker to go on while the next batch is answered, on another core."""
MAX_DATAGRAM = 65535
"""Bytes that the length in a UDP header can say (RFC 768)."""
_NAME_SIZES = {socket.AF_INET: 16, socket.AF_INET6: 28}
"""sockaddr_in and sockaddr_in6: family, port, (flow), address, (scope), as ip(7) and ipv6(7) say."""
_DATA = 32
"""Where a datagram begins in its place, which begins with the name of its sender."""
_PLACE = 65536 + 9 * 64
"""From one place to the next. Only pages that were written to are memory; the beginnings share no line of a cache."""


class _Part(ctypes.Structure):
    """The `iovec` of readv(2)."""

    _fields_ = (("base", ctypes.c_void_p), ("size", ctypes.c_size_t))


class _Header(ctypes.Structure):
    """The `msghdr` of recvmsg(2)."""

    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_size", ctypes.c_uint32),
        ("parts", ctypes.c_void_p),
        ("part_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_size", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _Message(ctypes.Structure):
    """The `mmsghdr` of recvmmsg(2)."""

    _fields_ = (("header", _Header), ("size", ctypes.c_uint))


_Call = Callable[..., int]
_Send = Callable[[bytes, TcpAddress], object]
_WORDS = ctypes.sizeof(_Message) // 4


@functools.cache
def calls() -> tuple[_Call, _Call] | None:
    """Both calls; None where the layout above is not known to be theirs."""
    if sys.platform != "linux" or sys.maxsize != 2**63 - 1:
        return None
    try:
        library = ctypes.PyDLL(None)
        receive, send = library.recvmmsg, library.sendmmsg
    except (OSError, AttributeError):
        return None
    return receive, send


def batch_for(family: int) -> "Batch | None":
    """A batch for a socket of IPv4 or IPv6; None where there are no such calls."""
    both = calls()
    return None if both is None else Batch(family, *both)


class Batch:
    """The memory of one socket, and what is in it: first datagrams, then the replies to them."""

    def __init__(self, family: int, receive: _Call, send: _Call) -> None:
        self._receive, self._send = receive, send
        self._name_size = _NAME_SIZES[socket.AddressFamily(family)]
        self._memory = mmap.mmap(-1, SIZE * _PLACE)  # whose slices are bytes
        start = ctypes.addressof(ctypes.c_char.from_buffer(self._memory))
        self._questions, self._replies = (_Message * SIZE)(), (_Message * SIZE)()
        self._parts, self._reply_parts = (_Part * SIZE)(), (_Part * SIZE)()
        for number in range(SIZE):
            place = start + number * _PLACE
            self._parts[number] = _Part(place + _DATA, MAX_DATAGRAM)
            self._reply_parts[number] = _Part(place + _DATA, 0)
            for messages, parts in ((self._questions, self._parts), (self._replies, self._reply_parts)):
                header = messages[number].header
                header.name, header.name_size = place, self._name_size
                header.parts, header.part_count = ctypes.addressof(parts[number]), 1
        # What both calls take: numbers and pointers as they are cost half as much as ones that are converted.
        self._questions_at = ctypes.c_void_p(ctypes.addressof(self._questions))
        self._replies_at = [ctypes.c_void_p(ctypes.addressof(message)) for message in self._replies]
        # Views of what changes: it takes a fifth of what a structure's own fields do.
        self._sizes = memoryview(self._questions).cast("B").cast("I")[_Message.size.offset // 4 :: _WORDS]
        self._reply_sizes = memoryview(self._reply_parts).cast("B").cast("Q")[1::2]

    def receive(self, fd: int, limit: int) -> int:
        """How many datagrams were read, at most `limit`; less than one if there are none, or for an error."""
        return self._receive(fd, self._questions_at, min(limit, SIZE), socket.MSG_DONTWAIT, None)

    def answer(self, fd: int, count: int, reply_to: ReplyTo, send_alone: _Send) -> list[tuple[bytes, TcpAddress]]:
        """Send the replies to the `count` datagrams that were read; the others, with their senders.

        `send_alone`, which must not raise, has the replies that the kernel did not take with the others.
        """
        others: list[tuple[bytes, TcpAddress]] = []
        memory, sizes, reply_sizes, name_size = self._memory, self._sizes, self._reply_sizes, self._name_size
        first = at = 0
        for number in range(count):
            sender = _address(memory[at : at + name_size])
            data = at + _DATA
            datagram = memory[data : data + sizes[number]]
            reply = reply_to(datagram, sender)
            if reply is not None and len(reply) <= MAX_DATAGRAM:
                reply_sizes[number] = size = len(reply)
                memory[data : data + size] = reply
            else:
                self._flush(fd, first, number, send_alone)
                first = number + 1
                if reply is None:
                    others.append((datagram, sender))
            at += _PLACE
        self._flush(fd, first, count, send_alone)
        return others

    def _flush(self, fd: int, first: int, end: int, send_alone: _Send) -> None:
        """Send the replies from `first` to before `end`."""
        while first < end:
            sent = self._send(fd, self._replies_at[first], end - first, socket.MSG_DONTWAIT)
            if sent < 1:  # it concerns the first alone, and an ordinary call knows what it means
                at = first * _PLACE
                data = at + _DATA
                reply = self._memory[data : data + self._reply_sizes[first]]
                send_alone(reply, _address(self._memory[at : at + self._name_size]))
                sent = 1
            first += sent


@functools.lru_cache(maxsize=1024)  # a program that asks much asks from few ports
def _address(name: bytes) -> TcpAddress:
    """A sockaddr of the kernel's as an address, written as Python's own calls write it: without a scope."""
    port = int.from_bytes(name[2:4], "big")
    if len(name) == _NAME_SIZES[socket.AF_INET]:
        return TcpAddress(socket.inet_ntop(socket.AF_INET, name[4:8]), port)
    return TcpAddress(socket.inet_ntop(socket.AF_INET6, name[8:24]), port)
