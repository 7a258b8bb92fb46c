"""Work: its vectors, what is refused, and the search, with a tiny cost where the cost is not the matter."""

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.naming.claim import Kind
from beam_actors.naming.work import (
    NO_WORK,
    PUBLIC,
    SIZE,
    SOLUTIONS,
    Difficulty,
    Levels,
    Search,
    difficulty_of,
    level_of,
    salt_of,
    zero_bits,
)
from beam_actors.values import Name, OwnerId
from tests.naming.builders import CHEAP, NETWORK, claim, owner_id, revocation, solved

PAGE = Path(__file__).parents[2] / "docs/naming.md"
ALICE = Name("alice")


def by_openssl(index, solution, salt, memory_kib):
    """The same by another implementation of Argon2id."""
    kdf = Argon2id(salt=salt, length=32, iterations=1, lanes=1, memory_cost=memory_kib)
    return 256 - int.from_bytes(kdf.derive(bytes([index]) + solution), "big").bit_length()


def work_for(salt, difficulty=CHEAP, **more):
    search = Search.begin(salt, difficulty, **more)
    while not search.done:
        search = search.step(100)
    return search


def test_the_vector_of_the_documentation():
    text = PAGE.read_text("utf-8").split("### Test vector of work")[1].split("\n## ")[0]
    lines = text.replace("\n               ", " ").splitlines()  # the solutions take two
    fields = dict(re.findall(r"^    (owner|salt|solutions|level) +(.+)$", "\n".join(lines), re.MULTILINE))
    salt = salt_of("beam", Name("byronwade"), OwnerId.parse(fields["owner"]))
    assert salt.hex() == fields["salt"]
    work = bytes.fromhex(fields["solutions"])
    assert level_of(salt, work, PUBLIC) == int(fields["level"])
    for index in range(SOLUTIONS):
        solution = work[index * SIZE :][:SIZE]
        assert by_openssl(index, solution, salt, 256) == zero_bits(index, solution, salt, 256) >= PUBLIC.bits


def test_difficulty_belongs_to_the_network():
    assert difficulty_of("beam") == PUBLIC
    assert difficulty_of("test") == difficulty_of("beam ") == NO_WORK


@given(st.integers(0, 7), st.binary(min_size=8, max_size=8), st.binary(min_size=16, max_size=16), st.integers(8, 32))
def test_two_implementations_agree(index, solution, salt, memory):
    assert zero_bits(index, solution, salt, memory) == by_openssl(index, solution, salt, memory)


def test_work_is_bound_to_network_name_and_owner():
    salts = {
        salt_of("beam", ALICE, owner_id(0)),
        salt_of("beam", Name("alicf"), owner_id(0)),
        salt_of("beam", ALICE, owner_id(1)),
        salt_of("bean", ALICE, owner_id(0)),
        salt_of("bea", Name("malice"), owner_id(0)),
    }
    assert len(salts) == 5
    one, *others = salts
    work = work_for(one, Difficulty(6, 8)).found
    assert level_of(one, work, Difficulty(6, 8)) >= 6
    assert [level_of(other, work, Difficulty(6, 8)) for other in others] == [0] * 4


def test_the_least_solution_counts():
    salt = salt_of(NETWORK, ALICE, owner_id(0))
    work = work_for(salt).found
    each = [zero_bits(index, work[index * SIZE :][:SIZE], salt, 8) for index in range(SOLUTIONS)]
    assert max(each) > min(each)  # else this says nothing
    assert level_of(salt, work, CHEAP) == min(each)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda work: work[:56],
        lambda work: b"",
        lambda work: work + work[:8],
        lambda work: work[8:] + work[:8],
        lambda work: work[:56] + bytes(8),
        lambda work: work[:8] * 8,
    ],
)
def test_seven_solutions_or_solutions_in_other_places_are_none(spoil):
    difficulty = Difficulty(5, 8)
    salt = salt_of(NETWORK, ALICE, owner_id(0))
    work = work_for(salt, difficulty).found
    assert level_of(salt, work, difficulty) >= 5
    assert level_of(salt, spoil(work), difficulty) == 0


@given(st.integers(0, 4), st.lists(st.integers(1, 40), min_size=1, max_size=6), st.binary(min_size=16, max_size=16))
def test_a_search_in_any_steps_finds_what_one_step_finds(bits, steps, salt):
    whole = Search.begin(salt, Difficulty(bits, 8)).step(1 << 14)
    search = Search.begin(salt, Difficulty(bits, 8))
    for tries in steps * 2000:
        before = search
        search = search.step(tries)
        assert search.tried - before.tried <= tries
        if search.done:
            break
    assert search == whole
    assert level_of(salt, whole.found, Difficulty(bits, 8)) == whole.least >= bits


@given(st.integers(0, 3), st.integers(0, 3), st.binary(min_size=16, max_size=16))
def test_work_is_improved_from_where_it_stands(bits, more, salt):
    first = work_for(salt, Difficulty(bits, 8))
    better = work_for(salt, Difficulty(bits, 8), level=bits + more, known=first.found)
    afresh = work_for(salt, Difficulty(bits, 8), level=bits + more)
    assert better.found == afresh.found
    assert better.least >= bits + more
    assert better.tried <= afresh.tried


def test_levels_are_remembered_for_these_solutions_only():
    levels = Levels(NETWORK, CHEAP, most=2)
    good, renewed = solved(claim(0)), solved(claim(0, seq=2))
    assert levels.of(good) is None
    level = levels.compute(good)
    assert level >= CHEAP.bits
    levels.remember(good, level)
    assert levels.of(renewed) == level
    assert levels.of(solved(claim(1))) is None
    assert levels.of(solved(claim(0, "bob"))) is None
    assert (levels.of(claim(0)), levels.of(revocation(0))) == (0, 0)
    for number in (1, 2):
        levels.remember(solved(claim(number)), 5)
    assert levels.of(good) is None


def test_a_network_that_asks_for_none_never_computes():
    assert Levels(NETWORK).of(solved(claim(0))) == 0
    assert Levels(NETWORK).of(claim(0, kind=Kind.TOMBSTONE)) == 0
