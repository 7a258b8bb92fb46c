"""The id of an owner, which is a person: the 32-byte commitment to a chain of keys (docs/naming.md)."""

import base64
import binascii

import attrs

from beam_actors.errors import InvalidValue

LABEL_LENGTH = 52


@attrs.frozen(slots=True, repr=False, order=True)
class OwnerId:
    """32 bytes, written as 52 characters of lower-case base32, so that it fits a DNS label."""

    digest: bytes = attrs.field()

    @digest.validator
    def _check(self, _attribute: object, value: bytes) -> None:
        if len(value) != 32:
            raise InvalidValue("An owner id has 32 bytes.")

    def __hash__(self) -> int:
        """The digest's, which it keeps: owners are keys wherever one looks."""
        return hash(self.digest)

    @classmethod
    def parse(cls, text: str) -> "OwnerId":
        """Parse the 52 characters in either case; raise `InvalidValue`."""
        if len(text) != LABEL_LENGTH:
            raise InvalidValue(f"An owner id has {LABEL_LENGTH} characters of base32.")
        try:
            owner = cls(base64.b32decode(text.upper() + "===="))
        except (binascii.Error, ValueError):
            raise InvalidValue(f"{text!r} is not an owner id.") from None
        if str(owner) != text.lower():  # the last character holds four unused bits; only one spelling is accepted
            raise InvalidValue(f"{text!r} is not an owner id in its only spelling.")
        return owner

    @property
    def short(self) -> str:
        """The first eight characters, for people, with a sign that more follow: commands refuse it as shortened.

        Not for paths and keys, unlike `PeerId.short`.
        """
        return f"{base64.b32encode(self.digest[:5]).decode('ascii').lower()}…"  # five bytes are eight characters

    def __str__(self) -> str:
        return base64.b32encode(self.digest).decode("ascii").rstrip("=").lower()

    def __repr__(self) -> str:
        return f"OwnerId({self})"
