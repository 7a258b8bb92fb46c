import pytest

from beam_actors.cli.daemon_commands import numbered, read_passphrase
from beam_actors.errors import UsageError


def test_the_first_line_is_the_passphrase(tmp_path):
    path = tmp_path / "secret"
    path.write_text("correct horse\nanything else\n")
    assert read_passphrase(str(path)) == "correct horse"
    path.write_text("no newline")
    assert read_passphrase(str(path)) == "no newline"


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 1025])
def test_a_bad_passphrase_file_is_refused_without_its_content(tmp_path, content):
    path = tmp_path / "secret"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="passphrase file") as caught:
        read_passphrase(str(path))
    assert "xxx" not in str(caught.value)


def test_a_missing_passphrase_file(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_passphrase(str(tmp_path / "none"))


def test_a_phrase_is_shown_in_numbered_words_that_no_terminal_breaks():
    words = [f"word{number}" for number in range(1, 24)] + ["eightchr"]
    lines = numbered(words)
    assert lines[0] == " 1. word1      2. word2      3. word3      4. word4"
    assert len(lines) == 6
    assert max(map(len, lines)) < 60
    assert " ".join(lines).split()[1::2] == words
