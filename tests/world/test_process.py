import os
import subprocess
import sys

from beam_actors.world.polling import poll
from beam_actors.world.process import is_alive


def test_a_process_is_alive_until_it_ends_and_not_until_it_is_reaped():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        assert is_alive(child.pid)
        child.stdin.close()
        assert poll(lambda: not is_alive(child.pid), seconds=30)  # it's a zombie: nobody has waited for it
        child.wait()
    assert not is_alive(child.pid)


def test_oneself_and_nobody():
    assert is_alive(os.getpid())
    assert not is_alive(0)
    assert not is_alive(-1)
