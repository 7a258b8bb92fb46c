"""Planted bugs: mutations of the production code, each with the small plan by which the simulator must find it."""
