"""The recovery phrase: 24 words of BIP-39's English list, which stand for 256 bits and an 8-bit checksum.

Invariant: phrase and entropy determine each other, and no error repeats a word that was typed, since errors end up in
logs. What is derived from the entropy is the business of `owner`; BIP-39's stretching is not used (docs/identity.md).
"""

import functools
import unicodedata

from mnemonic import Mnemonic

from beam_actors.errors import InvalidValue

ENTROPY_SIZE = 32
WORDS = 24
_MAX_TEXT = 1024  # the longest phrase has 24 words of 8 letters; people paste line breaks and numbering spaces besides


def new_phrase(entropy: bytes) -> str:
    """The phrase for 32 random bytes; raise `InvalidValue` for any other length."""
    if len(entropy) != ENTROPY_SIZE:
        raise InvalidValue("A recovery phrase is made of 32 random bytes.")
    return str(_bip39().to_mnemonic(bytes(entropy)))


def check_phrase(text: str) -> str:
    """The phrase in its one spelling (lower case, single spaces), its checksum verified.

    Raises:
        InvalidValue: it says which word is unknown by its place, or that the checksum fails.
    """
    return new_phrase(phrase_entropy(text))


def phrase_entropy(text: str) -> bytes:
    """The 32 bytes that a typed phrase stands for; raise `InvalidValue` as `check_phrase` does."""
    if len(text) > _MAX_TEXT:
        raise InvalidValue("That is too long for a recovery phrase of 24 words.")
    typed = unicodedata.normalize("NFKD", text).lower().split()
    words = [word for word in typed if not word.rstrip(".)").isdigit()]  # the places, as they are shown with the words
    if len(words) != WORDS:
        raise InvalidValue(f"A recovery phrase has {WORDS} words; this has {len(words)}.")
    known = _known_words()
    for place, word in enumerate(words, start=1):
        if word not in known:
            raise InvalidValue(f"Word {place} of the recovery phrase is not in the list of possible words.")
    try:
        return bytes(_bip39().to_entropy(words))
    except ValueError:
        raise InvalidValue(
            "The recovery phrase's checksum fails: a word is wrong or two have changed places."
        ) from None


@functools.cache
def _bip39() -> Mnemonic:
    return Mnemonic("english")


@functools.cache
def _known_words() -> frozenset[str]:
    return frozenset(_bip39().wordlist)
