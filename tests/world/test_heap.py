import json
import platform
import subprocess
import sys

import pytest

from beam_actors.world import heap

FAULTS = """
import json, resource, sys
from beam_actors.world.heap import keep_freed
kept = keep_freed(4 << 20) if sys.argv[1] == "keep" else None
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def cycle():
    return [b"x" * 900_000, b"y" * 900_000]
for _ in range(10):
    cycle()
before = faults()
for _ in range(100):
    cycle()
print(json.dumps([kept, faults() - before]))
"""


def faults(how):
    done = subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="settings of glibc")
def test_what_was_freed_is_used_again_without_asking_the_kernel():
    _, given_back = faults("leave")
    kept, found = faults("keep")
    assert kept is True
    assert given_back > 10_000  # or the setting has become needless
    assert found < 100


def test_elsewhere_nothing_is_set(monkeypatch):
    monkeypatch.setattr(heap.sys, "platform", "darwin")
    assert heap.keep_freed(1 << 20) is False


def test_a_c_library_without_the_setting_is_left_alone(monkeypatch):
    monkeypatch.setattr(heap.ctypes, "CDLL", lambda _name: object())
    assert heap.keep_freed(1 << 20) is False
