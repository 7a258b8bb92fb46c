"""The C library's heap: how much of what was freed it keeps for what is allocated next.

glibc gives the top of its heap back to the kernel as soon as some hundred kilobytes there are free, and maps larger
blocks one by one. Whoever moves bulk through fresh buffers then has the same pages taken, zeroed and mapped anew for
each of them, which was a tenth of the processor time of a download. Source: mallopt(3).
"""

import ctypes
import sys
from typing import Final

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3


def keep_freed(size: int) -> bool:
    """Keep up to `size` freed bytes at the top of the heap, and take blocks of up to a quarter of it from there.

    For the whole process, from now on. False where the C library knows no such settings; nothing depends on it.
    """
    if sys.platform != "linux":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # musl has none
        return False
    return bool(mallopt(_M_TRIM_THRESHOLD, size) and mallopt(_M_MMAP_THRESHOLD, size // 4))
