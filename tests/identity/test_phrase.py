import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.errors import InvalidValue
from beam_actors.identity import check_phrase, new_phrase
from beam_actors.identity.phrase import phrase_entropy

# BIP-39, test vectors of its reference implementation (256 bits).
ZEROS = "abandon " * 23 + "art"
VECTORS = [
    ("00" * 32, ZEROS),
    (
        "7f" * 32,
        (
            "legal winner thank year wave sausage worth useful legal winner thank year wave sausage worth useful "
            "legal winner thank year wave sausage worth title"
        ),
    ),
    (
        "80" * 32,
        (
            "letter advice cage absurd amount doctor acoustic avoid letter advice cage absurd amount doctor acoustic "
            "avoid letter advice cage absurd amount doctor acoustic bless"
        ),
    ),
    ("ff" * 32, "zoo " * 23 + "vote"),
]


@pytest.mark.parametrize(("entropy", "phrase"), VECTORS)
def test_bip_39_vectors(entropy, phrase):
    assert new_phrase(bytes.fromhex(entropy)) == phrase
    assert phrase_entropy(phrase).hex() == entropy


@given(st.binary(min_size=32, max_size=32))
def test_phrase_and_entropy_determine_each_other(entropy):
    phrase = new_phrase(entropy)
    assert len(phrase.split()) == 24
    assert phrase_entropy(phrase) == entropy
    assert check_phrase(phrase) == phrase


@pytest.mark.parametrize("typed", [ZEROS.upper(), f"  {ZEROS}\n", ZEROS.replace(" ", "\n\t"), "\uff41" + ZEROS[1:]])
def test_typed_phrases_are_normalised(typed):
    assert check_phrase(typed) == ZEROS


@given(st.binary(min_size=32, max_size=32), st.integers(0, 22))
def test_two_swapped_words_are_mostly_noticed(entropy, place):
    words = new_phrase(entropy).split()
    words[place], words[place + 1] = words[place + 1], words[place]
    try:
        assert phrase_entropy(" ".join(words)) != entropy or words[place] == words[place + 1]
    except InvalidValue as error:
        assert "checksum" in str(error)  # noqa: PT017 - both outcomes are right: one in 256 passes the checksum


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "this has 0"),
        ("abandon " * 12, "this has 12"),
        ("abandon " * 24, "checksum"),
        ("abandon " * 22 + "beam art", "Word 23 "),
        ("a" * 2000, "too long"),
        ("abandon " * 23 + "\u0130", "Word 24 "),
    ],
)
def test_what_is_wrong_is_said_without_repeating_a_word(text, says):
    with pytest.raises(InvalidValue) as caught:
        check_phrase(text)
    assert says in str(caught.value)
    assert "beam" not in str(caught.value)
    assert "abandon" not in str(caught.value)


@given(st.text(max_size=200))
def test_arbitrary_text_is_refused_and_never_crashes(text):
    with pytest.raises(InvalidValue):
        check_phrase(text)


def test_entropy_has_32_bytes():
    with pytest.raises(InvalidValue):
        new_phrase(bytes(16))


def test_the_places_that_are_shown_with_the_words_may_be_typed_with_them():
    shown = " ".join(f"{place}. {word}" for place, word in enumerate(ZEROS.split(), start=1))
    assert phrase_entropy(shown) == phrase_entropy(shown.replace(".", "")) == bytes(32)
