"""Scenarios: the simulated ones, a file each, and the demo on real daemons."""
