"""S14: the control socket answers the user whose daemon it is, and nobody else on the machine."""

from typing import TYPE_CHECKING

import trio

from beam_actors.errors import NetworkError
from beam_actors.testing.machine import CONTROL
from beam_actors.testing.program import run_program
from simulations.invariants.base import Invariant

if TYPE_CHECKING:
    from simulations.place import Place

_QUESTION = b"GET /v1/status HTTP/1.1\r\nHost: beam\r\n\r\n"
_ANSWER = b"HTTP/1.1 200"
_PATIENCE = 10.0
_MOST = 10
"""Machines that are asked after the heal."""


class StrangersHearNothing(Invariant):
    """S14. The same question from the same user is answered, or the check could never fail."""

    id = "S14"
    title = "the local API answers nobody without the credential"

    async def after_heal(self) -> None:
        """See `Invariant`."""
        for place in self.stage.core[:_MOST]:
            uid = place.machine.host.uid
            own = await self._ask(place, uid)
            self.expect(own.startswith(_ANSWER), f"the API of {place.name} does not answer its own user: {own[:60]!r}")
            other = await self._ask(place, uid + 1)
            self.expect(not other, f"the API of {place.name} answers another user: {other[:60]!r}")

    @staticmethod
    async def _ask(place: "Place", uid: int) -> bytes:
        driver = place.machine.host.driver(uid=uid)
        heard = b""
        async with run_program(f"{place.name}/user-{uid}", driver, place.machine.clock) as program:
            with trio.move_on_after(_PATIENCE):
                try:
                    stream = await program.connect(CONTROL)
                    await stream.write(_QUESTION)
                    while len(heard) < len(_ANSWER) and (data := await stream.read()):
                        heard += data
                except NetworkError:
                    pass
        return heard
