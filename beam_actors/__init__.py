"""Beam Actors: expose a local port under a name that nobody serves."""

__version__ = "0.1.0"
