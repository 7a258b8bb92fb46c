"""A name as owners claim it: one label, lower-case, without suffix. What people type is parsed in `naming.grammar`."""

import re

import attrs

from beam_actors.errors import InvalidName

MAX_LENGTH = 40
RESERVED = frozenset(
    {
        # RFC 6761, 6762, 7686, 8375, 9476 and names by which machines find their network's services.
        "localhost", "local", "localdomain", "broadcasthost", "invalid", "test", "example", "onion", "alt", "internal",
        "home", "lan", "wpad", "isatap", "gateway", "router", "dns", "ns", "dhcp", "proxy", "beam", "_",
    }
)  # fmt: skip
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?", re.ASCII)


@attrs.frozen(slots=True, repr=False, order=True)
class Name:
    """1 to 40 letters, digits and hyphens: no hyphen at an end or in places 3 and 4, not all digits, not reserved."""

    label: str = attrs.field()

    @label.validator
    def _check(self, _attribute: object, value: str) -> None:
        if not 0 < len(value) <= MAX_LENGTH:
            raise InvalidName(f"A name has 1 to {MAX_LENGTH} characters: {value[:60]!r} has {len(value)}.")
        if not _LABEL.fullmatch(value):
            raise InvalidName(
                f"{value!r} is not a name: use a-z, 0-9 and hyphens, with a letter or digit at both ends."
            )
        if value[2:4] == "--":
            raise InvalidName(f"{value!r} is not a name: hyphens in places 3 and 4 are kept for encoded names.")
        if value.isdigit():
            raise InvalidName(f"{value!r} is not a name: it needs a letter, or it looks like an address.")
        if value in RESERVED:
            raise InvalidName(f"{value!r} is reserved: nobody can hold it.")

    def __hash__(self) -> int:
        """The label's, which it keeps: names are keys wherever one looks."""
        return hash(self.label)

    @staticmethod
    def is_reserved(label: str) -> bool:
        """Whether a label, in lower case, is one that nobody can hold, however it looks."""
        return label in RESERVED

    @classmethod
    def parse(cls, text: str) -> "Name":
        """Parse a label in either case; raise `InvalidName` saying what is wrong with it."""
        return cls(text.lower() if text.isascii() else text)

    def __str__(self) -> str:
        return self.label

    def __repr__(self) -> str:
        return f"Name({self.label})"
