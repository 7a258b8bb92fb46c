"""The simulated side of the ports, and the seeded world of whole nodes; `daemons` drives real ones as processes.

Nothing in the package imports this room. Whoever uses it takes from the module that has it, as of `world`.
"""
