"""What a script may rely on in every error: a code of its own and an exit code of the table in docs/cli.md."""

import inspect
import re

import pytest

from beam_actors import errors
from beam_actors.errors import AskCycle, BeamError, ClaimRefused, KeyReplaced, OwnerRevoked

CLASSES = [found for _, found in inspect.getmembers(errors, inspect.isclass) if issubclass(found, BeamError)]


def test_the_codes_are_stable_words_and_an_exit_code_has_a_meaning():
    for error in CLASSES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", error.code), error
        assert error.exit_code in range(1, 7), error


def test_one_code_has_one_exit_code():
    found = {(error.code, error.exit_code) for error in CLASSES}
    assert len(found) == len({code for code, _ in found})


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        ("UsageError", ValueError),
        ("NotAllowed", PermissionError),
        ("TimedOut", TimeoutError),
        ("NameNotFound", LookupError),
    ],
)
def test_an_error_is_also_what_python_calls_it(error, builtin):
    assert issubclass(getattr(errors, error), builtin)


def test_errors_that_carry_more_than_a_sentence():
    assert (str(ClaimRefused("quota")), ClaimRefused("quota").reason) == ("The claim was refused: quota.", "quota")
    assert str(ClaimRefused("quota", "Too many.")) == "Too many."
    assert (KeyReplaced(2).era, KeyReplaced(2).code) == (2, "not-allowed")
    assert str(KeyReplaced(2)).endswith(
        "by one of era 2: `beam stop`, then `beam recover --era 2`, then `beam start --detach`."
    )
    assert "another --home" in str(OwnerRevoked())
    assert str(AskCycle(("a", "b", "a"))) == "An ask would wait for itself: a -> b -> a."
