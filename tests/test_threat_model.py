"""Each attack in docs/threat-model.md is shown by a test that exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8")


def test_the_tests_that_are_named_are_there():
    named = re.findall(r"`(tests/[a-z_/]+\.py)::(test_[a-z0-9_]+)`", PAGE)
    assert len(named) > 15
    for file, test in named:
        assert f"def {test}(" in (ROOT / file).read_text(encoding="utf-8"), (file, test)


def test_the_places_that_are_named_are_there():
    for path in re.findall(r"`((?:tests|simulations)/[a-z_/]+(?:\.py)?)`", PAGE):
        assert (ROOT / path).exists(), path
