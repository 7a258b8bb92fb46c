"""What a word that is no command may mean: near ones alone, and all of them rather than a wrong guess."""

import difflib

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from beam_actors.cli.commands import COMMANDS, SHARE
from beam_actors.cli.slips import _OTHER_WORDS, did_you_mean, near

WORDS = [word for word, entry in COMMANDS.items() if entry is not SHARE]
COMMAND = st.sampled_from(WORDS)


@given(st.text(st.characters(codec="ascii", categories=["L", "N", "P"]), min_size=1, max_size=12))
def test_what_is_named_is_near_the_word(word):
    named = near(word, WORDS)
    assert len(named) <= 2
    for command in named:
        ratio = difflib.SequenceMatcher(a=command, b=word.lower()).ratio()
        assert ratio >= 0.7 or command.startswith(word.lower())


@given(COMMAND, st.data())
def test_a_letter_too_few_or_a_wrong_one_still_names_a_command(command, data):
    assume(len(command) > 4)
    place = data.draw(st.integers(0, len(command) - 1))
    letter = data.draw(st.sampled_from(["", "q"]))
    assert near(command[:place] + letter + command[place + 1 :], WORDS)


@given(COMMAND)
def test_a_command_in_capitals_is_that_command(command):
    assert near(command.upper(), WORDS)[0] == command


@pytest.mark.parametrize("word", sorted(_OTHER_WORDS))
def test_words_of_other_programs_are_no_commands_and_lead_to_some(word):
    assert word not in WORDS
    assert {meant for meant in _OTHER_WORDS[word] if not meant.startswith("-")} <= set(WORDS)
    assert "did you mean" in did_you_mean([word], WORDS)


def test_the_arguments_go_along_where_one_command_is_meant_and_can_be_pasted():
    assert "`beam register 'a b'`" in did_you_mean(["regster", "a b"], WORDS)
    assert "`beam pin` or `beam ping`" in did_you_mean(["pi", "x"], WORDS)
