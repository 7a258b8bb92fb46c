"""The commands: in a newcomer's order, where each of them is, and a line on it.

A command's module is imported when the command is used, so `beam --help` is there at once, and `beam status` does not
wait for what `beam tree` needs.
"""

from importlib import import_module
from typing import NamedTuple

import click


class Entry(NamedTuple):
    """One command: the module of this room that it is in, its name there, and what `beam --help` says of it."""

    module: str
    attribute: str
    summary: str

    def load(self) -> click.Command:
        """Import it."""
        command: click.Command = getattr(import_module(f"beam_actors.cli.{self.module}"), self.attribute)
        command.short_help = self.summary  # as `beam --help` says it, for whoever asks the command
        return command


SHARE = Entry("share_command", "share", "Offer a local service for as long as this runs.")
"""What a target in a command's place means: `beam 3000`."""
SECTIONS: dict[str, dict[str, Entry]] = {
    "Offer and reach": {
        "expose": Entry("tunnel_commands", "expose", "Offer a local service for good, across restarts."),
        "unexpose": Entry("tunnel_commands", "unexpose", "Take it back."),
        "tunnels": Entry("tunnel_commands", "tunnels", "List the services that this machine offers."),
        "forward": Entry("tunnel_commands", "forward", "A local port that leads to a name or a peer."),
        "unforward": Entry("tunnel_commands", "unforward", "Give a forward up."),
        "forwards": Entry("tunnel_commands", "forwards", "List the forwards."),
    },
    "Names": {
        "register": Entry("name_commands", "register", "Claim a name."),
        "release": Entry("name_commands", "release", "Give a name up."),
        "names": Entry(
            "name_commands", "names", "List your names, pins and petnames; `names conflicts` the contested."
        ),
        "resolve": Entry("name_commands", "resolve", "Who owns a name, and which peer serves it."),
        "pin": Entry("binding_commands", "pin", "Hold on to one owner of a name."),
        "unpin": Entry("binding_commands", "unpin", "Let the owner go."),
        "petname": Entry("binding_commands", "petname", "Call somebody's name by one of your own, here."),
        "rotate-key": Entry("owner_commands", "rotate_key", "Another key for your names; the one before ends."),
        "transfer": Entry("owner_commands", "transfer", "Hand a name of yours over to somebody else."),
        "revoke": Entry("owner_commands", "revoke", "End this owner and all its names, for good."),
        "recover": Entry("owner_commands", "recover", "Be the owner of your recovery phrase on this machine."),
    },
    "The daemon and its network": {
        "start": Entry("daemon_commands", "start", "Run the daemon; --detach returns once it is ready."),
        "stop": Entry("daemon_commands", "stop", "Stop the daemon in order."),
        "status": Entry("network_commands", "status", "What the daemon does right now, and how to open a name."),
        "id": Entry("network_commands", "show_id", "Who this machine is, and the addresses to connect to."),
        "peers": Entry("network_commands", "peers", "The peers that are connected or wanted."),
        "connect": Entry("network_commands", "connect", "Meet a peer at an address of its `beam id`."),
        "disconnect": Entry("network_commands", "disconnect", "Take that back: the peer is dialled no more."),
        "ping": Entry("network_commands", "ping", "A round trip to a peer, and by which path."),
    },
    "Look inside": {
        "tree": Entry("tree_command", "tree", "The live supervision tree: states, restarts and why."),
        "trace": Entry("trace_command", "trace", "What an actor handles, message by message."),
        "logs": Entry("inspect_commands", "logs", "The daemon's log, also while none runs."),
        "crash": Entry("inspect_commands", "crash", "Crash an actor; only under `start --chaos`."),
        "ca": Entry("inspect_commands", "ca", "The root certificate, for `curl --cacert`."),
        "phrase": Entry("daemon_commands", "phrase", "Your recovery phrase."),
    },
}
COMMANDS = {"share": SHARE, **{word: entry for section in SECTIONS.values() for word, entry in section.items()}}


def looks_like_target(word: str) -> bool:
    """Whether a first argument is meant for a target (`3000`, `localhost:3000`, `host:http`) and not for a command."""
    return ":" in word or (word.isascii() and word.isdigit())
