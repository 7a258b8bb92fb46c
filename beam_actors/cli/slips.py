"""What a person may have meant by a word that is no command (pure).

Invariant: a command is named only if the word is near it, as a slip of the finger or its beginning, or if people are
known to try that word; else all are listed, since a wrong guess misleads more than none.
"""

import difflib
import shlex
from collections.abc import Sequence

_NEAR = 0.7
_MOST = 2
_BEGINNING = 2
_OTHER_WORDS = {
    "help": ("--help",),
    "version": ("--version",),
    "list": ("tunnels", "names", "forwards", "peers"),
    "ls": ("tunnels", "names", "forwards", "peers"),
    "unregister": ("release",),
    "unconnect": ("disconnect",),
    "delete": ("release", "unexpose", "unforward"),
    "remove": ("release", "unexpose", "unforward"),
    "rm": ("release", "unexpose", "unforward"),
}
"""What other programs call it."""


def near(word: str, commands: Sequence[str]) -> list[str]:
    """The commands that the word is near, the nearest one first; two at most."""
    lower = word.lower()
    beginning = [command for command in commands if len(lower) >= _BEGINNING and command.startswith(lower)]
    close = difflib.get_close_matches(lower, commands, n=1, cutoff=_NEAR)
    return list(dict.fromkeys([*close, *beginning]))[:_MOST]


def did_you_mean(args: Sequence[str], commands: Sequence[str]) -> str:
    """A sentence for the first of the arguments, which is none of the `commands`: what to type in its place."""
    word = args[0].lower()
    if word == "help" and len(args) > 1 and args[1] in commands:
        return f"did you mean `beam {args[1]} --help`? `beam --help` lists all."
    meant = _OTHER_WORDS.get(word) or near(word, commands)
    if not meant:
        return (
            f"there are {', '.join(commands)}. To offer a service give its port, such as `beam 3000`; `beam --help` "
            "says more."
        )
    rest = args[1:] if len(meant) == 1 and not any("`" in word for word in args) else ()
    lines = [f"`beam {shlex.join([word, *rest])}`" for word in meant]
    return f"did you mean {' or '.join(lines)}? `beam --help` lists all."
