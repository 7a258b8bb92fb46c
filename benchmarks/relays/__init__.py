"""Tunnels out of foreign stacks: scripts that run under an interpreter of their own, where those stacks are installed.

Each is the plainest tunnel that its library allows: `owner TARGET` prints an address as a line and serves; `visitor
ADDRESS` prints a port and forwards every connection to it over one stream. They end when their input does.
"""
