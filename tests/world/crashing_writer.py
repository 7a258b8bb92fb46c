"""A child process that commits and writes files until it kills itself at a named point.

python crashing_writer.py HOME POINT COUNT      dies by SIGKILL the COUNT-th time that it passes POINT
"""

import os
import signal
import sys

import trio

from beam_actors.ports import Change
from beam_actors.world.files import HomeFiles
from beam_actors.world.store import Rhythm, SqliteStore


async def main(home: str, point: str, count: int) -> None:
    passed = 0

    def on_point(name: str) -> None:
        nonlocal passed
        passed += name == point
        if passed >= count and name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    with HomeFiles(home, on_point=on_point) as files:
        rhythm = Rhythm(idle=0.0, longest=0.0)
        store = await SqliteStore.open(files.path("store.db"), on_point=on_point, rhythm=rhythm)

        async def commit(writer: int, number: int) -> None:
            value = b"%d" % number
            await store.commit([Change("t", b"%d/%d/%d" % (writer, number, half), value) for half in (0, 1)])
            os.write(1, b"commit %d %d\n" % (writer, number))

        for number in range(8):
            async with trio.open_nursery() as nursery:
                for writer in range(3):
                    nursery.start_soon(commit, writer, number)
            files.write("seq", b"%d" % number * 1000)
            os.write(1, b"file %d\n" % number)
        await store.close()


if __name__ == "__main__":
    trio.run(main, sys.argv[1], sys.argv[2], int(sys.argv[3]))
