"""A mutant: one bug, planted into a copy of the package by replacing exact pieces of its text.

Invariant: a piece that is to be replaced occurs exactly once in its file, so a mutant that no longer fits the code says
so instead of planting nothing, or something else. It knows no plan but by its name, and runs nothing.
"""

from pathlib import Path

import attrs

PACKAGE = "beam_actors"


class Misfit(ValueError):
    """A mutant does not fit the code any more."""


@attrs.frozen(slots=True)
class Edit:
    """In `file`, relative to the package, `old` becomes `new`."""

    file: str
    old: str
    new: str

    def applied(self, text: str) -> str:
        """The mutated text; raise `Misfit` unless `old` occurs once."""
        found = text.count(self.old)
        if found != 1:
            raise Misfit(f"{self.file} holds this {found} times, not once: {self.old.strip()!r}")
        return text.replace(self.old, self.new)


@attrs.frozen(slots=True, kw_only=True)
class Mutant:
    """One planted bug and what must find it."""

    name: str
    bug: str
    """What is wrong, in one sentence."""
    edits: tuple[Edit, ...]
    plan: str = ""
    """The plan of `plans` by which the simulator finds it; empty when it can't, and then `test` finds it."""
    invariant: str = ""
    """The id of the invariant that must report it."""
    test: str = ""
    """The test that fails with it, as pytest names it below `tests/`, for what the simulator can't see."""

    @property
    def room(self) -> str:
        """Where the bug is."""
        return self.edits[0].file.partition("/")[0]

    def plant(self, root: Path) -> None:
        """Mutate the package in the folder `root`; raise `Misfit` before anything is written."""
        mutated: dict[Path, str] = {}
        for edit in self.edits:
            path = root / PACKAGE / edit.file
            mutated[path] = edit.applied(mutated.get(path) or path.read_text(encoding="utf-8"))
        for path, text in mutated.items():
            path.write_text(text, encoding="utf-8")
