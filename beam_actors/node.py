"""The composition root: the supervision tree of one node, given its ports."""
