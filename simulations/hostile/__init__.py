"""Hostile nodes: programs on machines of their own that speak the real protocols and do what no honest node does.

Each kind is a small class with a word for it, by which a plan asks for it: `liars` push claims, `vandals` break what is
below, `impostors` answer, `poisoners` do so in the DHT, `copyists` have an owner's key. They run over the production's
session with keys of their own, and know what strangers know.
"""

from simulations.hostile.attacker import PORT, Attacker, Lair
from simulations.hostile.copyists import COPYISTS
from simulations.hostile.impostors import IMPOSTORS, Burglar, Impostor
from simulations.hostile.liars import LIARS, Liar
from simulations.hostile.poisoners import POISONERS
from simulations.hostile.vandals import VANDALS

KINDS: dict[str, type[Attacker]] = {kind.NAME: kind for kind in (*LIARS, *VANDALS, *IMPOSTORS, *COPYISTS, *POISONERS)}
"""All of them, by their word."""

__all__ = ["KINDS", "PORT", "Attacker", "Burglar", "Impostor", "Lair", "Liar"]
