"""A solver, and work of which a slice takes a second of virtual time."""

import trio

from beam_actors.naming.solving import Solver
from beam_actors.naming.work import Difficulty, Levels
from beam_actors.testing.compute import InlineCompute
from tests.naming.builders import NETWORK, owner_id

SOME = Difficulty(6, 8)
"""Some 500 tries, eight slices."""


def solver(compute=None, difficulty=SOME, owner=0):
    return Solver(NETWORK, owner_id(owner), Levels(NETWORK, difficulty), compute or InlineCompute())


class SlicedCompute(InlineCompute):
    """Each function takes a second of virtual time."""

    def __init__(self):
        super().__init__()
        self.at_once = self.most = self.runs = 0

    async def run(self, function, *args):
        self.at_once += 1
        self.runs += 1
        self.most = max(self.most, self.at_once)
        try:
            await trio.sleep(1)
            return await super().run(function, *args)
        finally:
            self.at_once -= 1
