"""Other processes of this machine: whether one still runs."""

import os
import select
import sys


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and is not reaped yet does not, and neither does one that can't be seen.

    Where the system can't tell the two apart (it isn't Linux), every process counts as ended.
    """
    if sys.platform != "linux":
        return False
    try:
        descriptor = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        watch = select.poll()
        watch.register(descriptor, select.POLLIN)
        return not watch.poll(0)
    finally:
        os.close(descriptor)
