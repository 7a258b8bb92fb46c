import errno
import os

import pytest

from beam_actors.errors import (
    AddressInUse,
    AddressNotPermitted,
    ConnectionLost,
    ConnectionRefused,
    NetworkError,
    ResourceExhausted,
    Unreachable,
)
from beam_actors.world.os_errors import map_established, map_os_error


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ECONNREFUSED, ConnectionRefused),
        (errno.ENOENT, ConnectionRefused),
        (errno.ECONNRESET, ConnectionLost),
        (errno.EHOSTUNREACH, Unreachable),
        (errno.ENETUNREACH, Unreachable),
        (errno.ETIMEDOUT, Unreachable),
        (errno.EADDRINUSE, AddressInUse),
        (errno.EACCES, AddressNotPermitted),
        (errno.EADDRNOTAVAIL, AddressNotPermitted),
        (errno.EMFILE, ResourceExhausted),
        (errno.ENOMEM, ResourceExhausted),
        (errno.EILSEQ, NetworkError),
    ],
)
def test_each_code_has_its_class_and_a_sentence(code: int, kind: type) -> None:
    error = map_os_error(OSError(code, os.strerror(code)), "Dialling 127.0.0.1:1 failed")
    assert type(error) is kind
    assert str(error) == f"Dialling 127.0.0.1:1 failed: {os.strerror(code)}."


def test_whatever_ends_an_established_connection_it_is_lost() -> None:
    for code in (errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.EPIPE, errno.EBADF, errno.EILSEQ):
        assert type(map_established(OSError(code, "x"), "y")) is ConnectionLost
    assert type(map_established(OSError(errno.ENOBUFS, "x"), "y")) is ResourceExhausted
    assert str(map_os_error(OSError("no number"), "It broke")) == "It broke: no number."
