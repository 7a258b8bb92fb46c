"""What people type or paste where a name, an owner or a peer's address is wanted, taken apart once for all commands.

    cottage   Cottage.local.   cottage.OWNER.local   https://cottage.local:8443/page   cottage.local/      the name
    http://localhost:3000/                                                                        a host and a port

Invariant: only what surrounds a name is taken off here (a scheme, a port, a path); whether the rest is one the grammar
says, in the daemon. What nobody can have meant is refused in a sentence that says where to find what is wanted. It must
stay quick to import.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import attrs

from beam_actors.cli.tables import CUT
from beam_actors.errors import InvalidName, InvalidValue, UsageError

if TYPE_CHECKING:
    from beam_actors.values import Multiaddr, OwnerId, PeerId

SUFFIXES = ("localhost", "local")
"""Those of `naming.DEFAULT_SUFFIXES`, whose import takes longer than all of this."""
NAME_SCHEMES = ("http", "https", "tcp")
"""What the address of a name may begin with."""
EVERYONE = "everyone"
"""What `--allow` says instead of machines."""
_WHOLE_LINE = 'take a whole line `address` of their "beam id".'
_SHOWN = 80
_OWNER_CHARACTERS = 52


@attrs.frozen(slots=True)
class Pasted:
    """The pieces of a URL, or of what is written like a part of one."""

    scheme: str | None
    """In lower case; None without `://`."""
    host: str
    port: str | None
    """As it was typed; None without a colon."""
    rest: str
    """A path, a query and a fragment."""

    @classmethod
    def split(cls, text: str) -> "Pasted":
        """Take a text apart; any text has these pieces."""
        scheme, mark, beyond = text.strip().partition("://")
        if not mark:
            scheme, beyond = "", scheme
        cut = min((at for sign in "/?#" if (at := beyond.find(sign)) >= 0), default=len(beyond))
        host, colon, port = beyond[:cut].rpartition(":")
        if not colon:
            host, port = port, ""
        return cls(scheme.lower() if mark else None, host, port if colon else None, beyond[cut:])

    @property
    def has_port(self) -> bool:
        """Whether there is a port, and it is a number from 1 to 65535."""
        return self.port is not None and is_port(self.port) and int(self.port) > 0


def check_whole(text: str) -> None:
    """Raise `UsageError` for an id with its middle left out, as a listing shows it on a terminal."""
    if CUT in text:
        raise UsageError(
            f"{text[:_SHOWN]!r} is shortened to fit a terminal: a pipe shows ids whole, such as `beam peers | cat` or "
            "`beam names | cat`."
        )


def is_port(text: str) -> bool:
    """Whether it is a number from 0 to 65535."""
    return text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65535


def name_of(text: str) -> str:
    """The name in what was typed: `byron.local` of `https://byron.local:8443/page`; anything else as it is.

    Raises:
        UsageError: it is an address of another kind, such as ftp://…, or has a shortened id in it.
    """
    check_whole(text)
    pasted = Pasted.split(text)
    if pasted.scheme is not None and pasted.scheme not in NAME_SCHEMES:
        raise UsageError(
            f"{text[:_SHOWN]!r} is not the address of a name: give NAME, NAME.local or https://NAME.local."
        )
    surrounded = pasted.scheme is not None or pasted.rest or pasted.has_port
    if surrounded and pasted.host and (pasted.port is None or pasted.has_port):
        return pasted.host
    return text.strip()


def check_name(name: str) -> None:
    """Raise `InvalidName` for a text that is neither NAME nor NAME.OWNER, with or without a suffix."""
    from beam_actors.values import Name, OwnerId  # noqa: PLC0415 (see above)

    label, dot, owner = _split(name)
    Name(label)
    if dot:
        try:
            OwnerId.parse(owner)
        except InvalidValue:
            raise InvalidName(f"{name[:_SHOWN]!r} is neither NAME, NAME.local nor NAME.OWNER.") from None


def plain_name(name: str) -> str:
    """The label of NAME, with or without a suffix; raise `UsageError` for NAME.OWNER where one's own name is meant."""
    label, dot, _owner = _split(name)
    if dot:
        raise UsageError(f"{name[:_SHOWN]!r} names an owner; this is about your own {label}.")
    return label


def _split(name: str) -> tuple[str, str, str]:
    """The label, the dot and the owner of what a person typed, without the suffix; the last two empty without owner."""
    plain = name_of(name).lower().removesuffix(".")
    suffix = next((suffix for suffix in SUFFIXES if plain.endswith(f".{suffix}")), None)
    return (plain if suffix is None else plain.removesuffix(f".{suffix}")).partition(".")


def parse_owner(text: str) -> "OwnerId":
    """The id of an owner; raise `UsageError` saying where to find one, and for a machine's id that it is that."""
    from beam_actors.values import OwnerId, PeerId  # noqa: PLC0415 (see above)

    text = text.strip()
    check_whole(text)
    try:
        return OwnerId.parse(text)
    except InvalidValue:
        pass
    try:
        PeerId.parse(text)
        what = f"{text} is the id of a machine. An owner's has"
    except InvalidValue:
        slip = "a character of it is mistyped; such an id has" if len(text) == _OWNER_CHARACTERS else "it has"
        what = f"{text[:_SHOWN]!r} is not the id of an owner: {slip}"
    raise UsageError(f'{what} 52 letters and digits, and "beam id" over there shows it in the line `owner`.')


def check_peers(words: Sequence[str]) -> None:
    """Raise `UsageError` for a word of `--allow` that is neither a machine's id nor `everyone`: an owner's, perhaps."""
    for word in words:
        check_whole(word)
        if word != EVERYONE:
            _machine(word, "--allow takes", '"beam id" over there shows it in the line `peer`.')


def parse_peer(text: str) -> "PeerId":
    """The peer whose id it is, or with which an address ends; raise `UsageError` saying where to find one."""
    text = text.strip()
    check_whole(text)
    if text.startswith("/"):
        peer = parse_address(text).peer
        if peer is not None:  # as that makes sure
            return peer
    return _machine(text, "this takes", "`beam peers` shows it.")


def _machine(word: str, taker: str, where: str) -> "PeerId":
    from beam_actors.values import OwnerId, PeerId  # noqa: PLC0415 (see above)

    try:
        return PeerId.parse(word)
    except InvalidValue:
        pass
    try:
        OwnerId.parse(word)
        what = f"{word} is the id of an owner, and {taker}"
    except InvalidValue:
        what = f"{word[:_SHOWN]!r} is not"
    raise UsageError(f"{what} the id of a machine, such as 12D3Koo…: {where}")


def parse_address(text: str) -> "Multiaddr":
    """The address of a peer, which says who must answer there; raise `UsageError` with how it is written."""
    from beam_actors.values import Multiaddr  # noqa: PLC0415 (see above)

    text = text.strip()
    if text.startswith("/"):
        try:
            address = Multiaddr.parse(text)
        except InvalidValue as error:
            raise UsageError(f"{str(error).removesuffix('.')}: {_WHOLE_LINE}") from None
        if address.peer is None:
            raise UsageError(
                f"{text[:_SHOWN]} does not end with /p2p/PEER-ID, so anybody could answer there: {_WHOLE_LINE}"
            )
        return address
    pasted = Pasted.split(text)
    host = pasted.host.strip("[]") or "192.0.2.7"
    kind = "ip6" if ":" in host else "ip4"
    port = pasted.port if pasted.has_port else "4747"
    example = f"/{kind}/{host}/tcp/{port}/p2p/12D3Koo…" if _is_ip(host) else "/ip4/192.0.2.7/tcp/4747/p2p/12D3Koo…"
    raise UsageError(
        f'{text[:_SHOWN]!r} does not say who must answer there: give a line `address` of their "beam id", such as '
        f"{example}"
    )


def _is_ip(host: str) -> bool:
    import ipaddress  # noqa: PLC0415 (a few milliseconds that `--help` need not pay)

    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
