"""`rotate-key`, `transfer`, `recover` and `revoke`: what an owner does by the recovery phrase.

Invariant: the phrase and what is derived from it stay in this process, and it changes a home only while it holds the
home's lock, so no daemon ever sees a phrase, or a keystore that is exchanged under it. A phrase is never an argument.
"""

import base64
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from beam_actors.cli.claiming import NEW_OWNER
from beam_actors.cli.context import App, beam_command
from beam_actors.cli.daemon import ensure_daemon
from beam_actors.cli.home import DATABASE
from beam_actors.cli.home_at_rest import (
    act,
    chain_of,
    check_keys,
    check_phrase,
    check_stopped,
    heard_era,
    install,
    secret_of,
)
from beam_actors.cli.output import counted, is_terminal
from beam_actors.cli.typed import check_name, parse_owner, plain_name
from beam_actors.errors import BeamError, HomeInUse, UsageError

if TYPE_CHECKING:
    from beam_actors.identity import OwnerChain
    from beam_actors.naming import EraNames
    from beam_actors.node import Owning, Prospect
    from beam_actors.values import Name, OwnerId

_FEW = 4
"""Names that are listed, of however many there are."""
_PHRASE_OPTION = click.option(
    "--phrase-file", metavar="FILE", help="The recovery phrase is in this file ('-': standard input)."
)
_PASSPHRASE_OPTION = click.option(
    "--passphrase-file", metavar="FILE", help="The keystore's passphrase is this file's first line."
)
_START = "Nobody hears of it before: start the daemon (`beam start --detach`)"
_AT_START = "at-start"
_YES_OPTION = click.option("--yes", is_flag=True, help="Don't ask whether this is meant.")


@click.command
@_PHRASE_OPTION
@_PASSPHRASE_OPTION
@_YES_OPTION
@beam_command
def rotate_key(app: App, phrase_file: str | None, passphrase_file: str | None, *, yes: bool) -> None:
    """Open your next era: a new key signs for your names. The one before is worth nothing once peers heard of that.

    For when this machine's key may be in somebody's hands. An owner has seven eras for this and for transfers, so it
    asks first. The daemon must not run; it claims your names anew some seconds after the start, and until it has told a
    peer the key before is believed. Your other machines need the new key, too: `beam recover` there.
    """
    check_stopped(app)
    _check_can_ask(yes=yes)
    chain, secret = chain_of(app, phrase_file), secret_of(passphrase_file)
    check_keys(app)
    shown, told = None, None
    if not yes:  # while nothing is locked: a person takes as long as they like
        shown, told = act(app, chain, secret, _next_era)
        app.out.note(
            f"Era {shown} of your keys opens, of seven for rotations and transfers; {_left(shown)} left then. On each "
            f'other machine of yours, afterwards: "beam recover --era {shown}".'
        )
        _say_taken_back(app.out.note, told)
        _ask("Is that meant?")

    era, names = act(app, chain, secret, lambda owner: _rotate(owner, shown))
    if app.out.as_json:
        said = {"owner": str(chain.owner_id), "era": era, "takes_effect": _AT_START}
        app.out.data({**said, **_told(names)})
        return
    app.out.styled(f"✅ Era {era} is open, and this machine has its key.", fg="green")
    app.out.prose(f"{_START}, which claims your names anew some seconds later.")
    _say_names(app, names, told=told)
    app.out.prose("The key before is worth nothing once the daemon has run and told a peer, and not before.")
    _say_other_machines(app, era)


@click.command
@click.argument("name")
@click.argument("owner")
@_PHRASE_OPTION
@_PASSPHRASE_OPTION
@_YES_OPTION
@beam_command
def transfer(
    app: App, name: str, owner: str, phrase_file: str | None, passphrase_file: str | None, *, yes: bool
) -> None:
    """Hand your NAME over to OWNER (52 characters; `beam id` there). It opens your next era, like `rotate-key`.

    Whoever pinned the name follows it, and nobody who has no more than this machine's key can do it. Once OWNER has
    registered it there is no way back, so it asks first, and says whether this machine has ever heard of OWNER. The
    daemon must not run; it hands the name over when it starts.
    """
    from beam_actors.values import Name  # noqa: PLC0415 (keys are these commands' matter)

    check_name(name)
    label, successor = Name(plain_name(name)), parse_owner(owner)
    check_stopped(app)
    _check_can_ask(yes=yes)
    chain, secret = chain_of(app, phrase_file), secret_of(passphrase_file)
    if successor == chain.owner_id:
        raise UsageError("That owner is you.")
    check_keys(app)
    seen = act(app, chain, secret, lambda owner: owner.prospect(label, successor))
    if not yes:  # while nothing is locked: a person takes as long as they like
        _show_transfer(app, label, successor, seen)
        _ask("Is that meant?")
    elif not seen.heir.is_known:
        app.out.note(f"Warning: {_UNHEARD}.")
    era, names = act(app, chain, secret, lambda owner: _transfer(owner, label, successor, seen.era))
    if app.out.as_json:
        said = {"name": label.label, "owner": str(chain.owner_id), "successor": str(successor), "era": era}
        known = {"successor_known": seen.heir.is_known, "takes_effect": _AT_START}
        app.out.data({**said, **known, **_told(names)})
        return
    app.out.styled(f"✅ Era {era} is open, and {label} goes to {successor}.", fg="green")
    app.out.prose(f"{_START}, which says so to everybody some seconds later.")
    app.out.prose(f'Then, over there: "beam register {label}"; until then nobody holds the name.')
    _say_names(app, names, told=None if yes else seen.names)
    _say_other_machines(app, era)


_UNHEARD = (
    "this machine has never heard of that owner. Nothing in an id shows a typing error, and a wrong one means that "
    'nobody can ever take the name: compare each character with "beam id" over there'
)


def _show_transfer(app: App, name: "Name", successor: "OwnerId", seen: "Prospect") -> None:
    """What a person is to look at before a name goes."""
    note, heir, era = app.out.note, seen.heir, seen.era
    note(f"{name} goes from you to the owner\n  {successor}")
    if seen.replaces is not None:
        note(f"It was on its way to {seen.replaces}, who does not get it then.")
    if heir.names:
        note(f"who is known on this machine: holds or held {_some(heir.names)}.")
    if heir.bound:
        note(f"You call this owner {_some(heir.bound)}.")
    if not heir.is_known:
        note(f"Take care: {_UNHEARD}.")
    note(
        f"What follows: nobody holds {name} until they register it, and whoever pinned it follows to them. You can "
        f"take it back only as long as they have not (`beam register {name}`). Era {era} of your keys opens for good, "
        f'of seven; on each other machine of yours, then: "beam recover --era {era}".'
    )
    _say_taken_back(note, seen.names)


def _some(names: "tuple[Name, ...]") -> str:
    shown = ", ".join(map(str, names[:_FEW]))
    return shown if len(names) <= _FEW else f"{shown} and {len(names) - _FEW} more"


def _check_can_ask(*, yes: bool) -> None:
    """Raise `UsageError` where nobody can answer, before anything is read or done."""
    if not yes and not _can_ask():
        raise UsageError("Nobody can be asked here whether this is meant; say so with --yes.")


def _can_ask() -> bool:
    return is_terminal() and sys.stdin.isatty()


def _ask(question: str) -> None:
    """Ask on the terminal; anything but a yes ends the command (130)."""
    click.confirm(question, abort=True, err=True)


def _say_other_machines(app: App, era: int) -> None:
    app.out.prose(f"An owner can do this seven times, for a rotation or a transfer; {_left(era)} left.")
    app.out.prose(f'On each other machine of yours: "beam stop", "beam recover --era {era}", "beam start --detach".')


async def _next_era(owner: "Owning") -> "tuple[int, EraNames]":
    era = await owner.next_era()
    return era, await owner.names_in_era(era)


async def _rotate(owner: "Owning", shown: int | None) -> "tuple[int, EraNames]":
    era = await owner.rotate(shown=shown)
    return era, await owner.names_in_era(era)


async def _transfer(owner: "Owning", name: "Name", successor: "OwnerId", shown: int) -> "tuple[int, EraNames]":
    era = await owner.transfer(name, successor, shown=shown)
    return era, await owner.names_in_era(era)  # what was seen before may be old: a person took as long as they liked


def _told(names: "EraNames | None") -> dict[str, list[str] | None]:
    """What this machine claims in an era, for programs; nulls if that is not known."""
    if names is None:
        return {"claims": None, "takes_back": None}
    return {"claims": list(map(str, names.names)), "takes_back": list(map(str, names.taken_back))}


def _say_names(app: App, names: "EraNames", *, told: "EraNames | None" = None) -> None:
    """The same for people; `told` is what was said before they agreed, which is not said again."""
    if names.names:
        app.out.prose(f"It claims {', '.join(map(str, names.names))}.")
    if told is None or names.taken_back != told.taken_back:
        _say_taken_back(app.out.prose, names)


def _say_taken_back(say: Callable[[str], None], names: "EraNames") -> None:
    """Say what was given up and comes back: nothing tells here whether it was by a person's choice or a thief's."""
    if names.taken_back:
        say(
            "Take care: this era claims names again that were given up on another machine: "
            f"{', '.join(map(str, names.taken_back))}. If it was you who gave them up, and no thief of the key before, "
            "`beam release NAME` once the daemon has claimed them."
        )


def _left(era: int) -> str:
    """How many eras can be opened after this one."""
    from beam_actors.identity import REVOCATION_ERA  # noqa: PLC0415 (as above)

    return str(REVOCATION_ERA - 1 - era or "none")


@click.command
@click.option(
    "--era",
    type=click.IntRange(0, 7),
    metavar="ERA",
    help="The era to sign in, as `rotate-key` said. Default: the home's.",
)
@_PHRASE_OPTION
@_PASSPHRASE_OPTION
@_YES_OPTION
@beam_command
def recover(app: App, era: int | None, phrase_file: str | None, passphrase_file: str | None, *, yes: bool) -> None:
    """Be the owner of your recovery phrase on this machine, beside your others or in the place of a lost one.

    The daemon must not run. In a home without keys they are made; a home of this owner gets the key of a later era. An
    era of which this machine has not heard is opened by that, perhaps, so it asks first.
    """
    app.home.prepare()
    check_stopped(app)
    chain, secret = chain_of(app, phrase_file), secret_of(passphrase_file)
    check_phrase(app, chain)
    heard = heard_era(app, chain, secret)
    if era is not None and era > heard:
        _check_opening(app, era, heard, yes=yes)
    wanted = install(app, chain, era, secret, heard=heard)
    names = _known_names(app, chain, secret, wanted)
    if app.out.as_json:
        known = {"era_known": wanted <= heard}
        app.out.data({"owner": str(chain.owner_id), "era": wanted, **known, **_told(names)})
        return
    app.out.styled(f"✅ This machine signs for {chain.owner_id} in era {wanted}.", fg="green")
    if names is not None:
        _say_names(app, names)
    which = "any other" if names is not None and names.names else "each name"
    app.out.prose(
        f"`beam start --detach`, then `beam register NAME` for {which} that it should serve; `beam names` lists yours "
        "once a peer has told them."
    )
    if era is None and wanted == 0:  # whoever has the key of a later one knows of them
        app.out.prose("If you ever rotated or transferred: `beam recover --era N`, with the last N that was said.")


def _check_opening(app: App, era: int, heard: int, *, yes: bool) -> None:
    """Have a person agree to the key of an era that was not heard to be open: mistyped, it burns all up to it.

    Raises:
        UsageError: nobody can be asked, and `yes` was not said.
    """
    unheard = f"this machine has not heard that era {era} of your keys was opened: it knows of none after {heard}"
    if yes:
        app.out.note(f"Warning: {unheard}.")
        return
    what = (
        f"T{unheard[1:]}. Unless `rotate-key` or `transfer` on another machine said {era}, this opens it: every key of "
        f"an era before signs for nothing once a peer hears of it, with {_left(era)} left of seven, and there is no "
        "way back."
    )
    if not _can_ask():
        raise UsageError(f"{what} Nobody can be asked here whether this is meant; say so with --yes.")
    app.out.note(what)
    _ask("Is that meant?")


def _known_names(app: App, chain: "OwnerChain", secret: str | None, era: int) -> "EraNames | None":
    """What this machine claims in the era; None if that can't be said: the home has the key of the era all the same."""
    if not app.home.file(DATABASE).exists():
        return None
    try:
        return act(app, chain, secret, lambda owner: owner.names_in_era(era))
    except HomeInUse:  # by a daemon that starts in this moment
        return None
    except BeamError as error:
        app.out.note(f"Which names it claims can't be said: {error}")
        return None


@click.command
@_PHRASE_OPTION
@_YES_OPTION
@beam_command
def revoke(app: App, phrase_file: str | None, *, yes: bool) -> None:
    """End the owner of your recovery phrase for good: every name of yours, on every machine. There is no way back.

    For when the phrase itself is in somebody's hands. Any daemon can spread it, also one of another owner.
    """
    from beam_actors.identity import REVOCATION_ERA  # noqa: PLC0415 (as above)
    from beam_actors.naming import Claim  # noqa: PLC0415 (as above)

    _check_can_ask(yes=yes)
    chain = chain_of(app, phrase_file)
    if not yes:
        app.out.note(f"All names of {chain.owner_id} will be gone for good.")
        _ask("Is that meant?")
    ensure_daemon(app.home, app.out.note, check=lambda: None)
    claim = Claim.revoke(app.ask("GET", "/v1/status")["network"], chain.era_key(REVOCATION_ERA))
    answer = app.ask("POST", "/v1/revoke", {"claim": base64.b64encode(claim.encoded).decode()})
    if app.out.as_json:
        app.out.data(answer)
        return
    told = f"{counted(answer['told'], 'peer')} told" if answer["told"] else "each peer hears of it as it comes"
    app.out.styled(f"✅ {answer['owner']} is revoked, and {told}.", fg="green")
    app.out.prose(f"Your keys sign for nothing any more: {NEW_OWNER}.")
