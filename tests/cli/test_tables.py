import pytest
from hypothesis import given
from hypothesis import strategies as st

from beam_actors.cli.tables import CUT, NOTHING, cells, fitted, lay_out, shorten_ids, wrapped
from tests.control.fakes import OTHER, OWNER, PEER

COLUMNS = ("name", "is", "owner", "expires in", "url")
ROWS = [
    ("byronwade.local", "own", OWNER, "30 d", "https://byronwade.local"),
    ("anna.local", "petname of cottage.local", OWNER, "-", "https://anna.local"),
]
FAILED = ("12D3KooW" + "x" * 44, "backing off", "-", "Dialling 10.0.0.9:4747 failed: Connection refused.")


def laid_out(columns, rows, width, **options):
    table = lay_out(columns, rows, width, **options)
    return None if table is None else [table.headings, *table.lines]


def test_ids_give_way_first_and_names_never():
    assert laid_out(COLUMNS, ROWS[:1], 160)[1].split() == [*ROWS[0][:3], "30", "d", ROWS[0][4]]
    narrow = laid_out(COLUMNS, ROWS[:1], 80)
    name, _, owner, *_, url = narrow[1].split()
    assert (name, url) == (ROWS[0][0], ROWS[0][4])
    assert owner == f"{OWNER[:8]}{CUT}{OWNER[-12:]}"
    assert max(map(len, narrow)) <= 80


def test_no_more_of_an_id_goes_than_must():
    whole = len(laid_out(COLUMNS, ROWS[:1], 160)[1])
    for width in range(80, 120):
        longest = max(map(len, laid_out(COLUMNS, ROWS[:1], width)))
        assert longest == min(width, whole - 4) or (longest, width >= whole) == (whole, True)


def test_what_can_not_fit_is_no_table():
    assert laid_out(COLUMNS, ROWS, 80) is None
    assert laid_out(COLUMNS, ROWS, 101) is not None
    assert laid_out(COLUMNS, ROWS, 101, whole=("owner",)) is None


def test_what_can_be_spared_goes_before_rows_become_blocks_and_is_named():
    table = lay_out(COLUMNS, ROWS, 80, spare=("nothing", "url", "is"))
    assert table.headings.split() == ["name", "is", "owner", "expires", "in"]
    assert table.hidden == ("url",)
    assert lay_out(COLUMNS, ROWS, 101, spare=("url",)).hidden == ()
    assert lay_out(COLUMNS, ROWS, 55, spare=("url", "is")).hidden == ("url", "is")
    assert lay_out(COLUMNS, ROWS, 30, spare=("url", "is")) is None


def test_prose_is_broken_under_its_heading_where_there_is_room():
    columns = ("peer", "state", "rtt", "last failure")
    heading, *lines = laid_out(columns, [FAILED], 70, prose="last failure")
    start = heading.index("last failure")
    assert all(len(line) <= 70 for line in lines)
    assert [line[:start].strip() == "" for line in lines] == [False] + [True] * (len(lines) - 1)
    assert " ".join(line[start:] for line in lines) == FAILED[-1]
    assert laid_out(columns, [FAILED], 70) is None
    assert laid_out(columns, [FAILED], 50, prose="last failure") is None
    assert laid_out(columns, [(*FAILED[:-1], "/a/path" * 9)], 70, prose="last failure") is None


def test_an_id_is_shortened_wherever_it_stands_and_no_name_is():
    assert shorten_ids(f"cottage.{OWNER}.local") == f"cottage.{OWNER[:8]}{CUT}{OWNER[-12:]}.local"
    assert shorten_ids(f"{PEER}:80") == f"{PEER[:8]}{CUT}{PEER[-12:]}:80"
    assert shorten_ids("a" * 40) == "a" * 40
    assert shorten_ids(PEER) != shorten_ids(OTHER)


CELLS = st.sampled_from(
    [
        NOTHING,
        OWNER,
        PEER,
        f"a.{OWNER}",
        "byron.local",
        "0 B",
        "Some words that say why.",
        "日本語",
        "⚡ e\u0301",
        "なぜ か を いう",
    ]
)


@given(st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=4), st.integers(10, 260))
def test_no_line_is_wider_than_the_terminal_and_no_value_but_an_id_is_cut(rows, width):
    lines = laid_out(("a", "b", "c", "why"), rows, width, prose="why")
    if lines is None:
        assert width < 260
        return
    assert all(cells(line) <= width for line in lines)
    assert len(lines) > len(rows)
    for row in rows:
        for cell in row:
            if len(cell) < 44 and " " not in cell and cell != NOTHING:
                assert any(cell in line for line in lines)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("", 0),
        ("abc", 3),
        ("日本語", 6),
        ("⚡", 2),
        ("e\u0301", 1),
        ("é", 1),
        ("ｱ", 1),
        ("\uff21", 2),
        ("👩🏽", 4),
        ("x\u20dd", 1),
    ],
)
def test_how_many_columns_a_text_takes(text, columns):
    assert cells(text) == columns


def test_columns_stand_below_each_other_whatever_is_in_them():
    rows = [("日本語", "1"), ("e\u0301", "2"), ("⚡", "3")]
    assert laid_out(("a", "b"), rows, 80) == ["a        b", "日本語   1", "e\u0301        2", "⚡       3"]
    assert laid_out(("a", "b"), rows, 8) is None


def test_prose_is_broken_by_columns():
    assert wrapped("日本 語で いう", 7) == ["日本", "語で", "いう"]
    assert wrapped("日本 語で いう", 9, "  ") == ["日本 語で", "  いう"]
    assert wrapped("", 9) == [""]
    assert wrapped("  a  b   c", 5, "  ") == ["  a", "  b", "  c"]


@pytest.mark.parametrize("width", [80, 120])
def test_rows_without_a_value_take_no_column(width):
    assert laid_out(("a", "b", "c"), [("1", "-", "2"), ("3", "-", "-")], width) == ["a   c", "1   2", "3   -"]


def test_prose_is_broken_between_words_and_a_command_never():
    text = "Browsers do not know such names yet: `beam --home /h status` shows a curl line.\n  Press Ctrl+C to stop"
    assert fitted(text, 40).split("\n") == [
        "Browsers do not know such names yet:",
        "`beam --home /h status` shows a curl",
        "line.",
        "  Press Ctrl+C to stop",
    ]
    assert fitted("  one two three four five six seven", 24) == "  one two three four\n  five six seven"
    assert fitted(f"`{'beam ' * 10}`, and more", 30) == f"`{'beam ' * 10}`,\nand more"
    assert fitted("🔒 " + "x" * 20 + " " + "y" * 6, 29) == "🔒 " + "x" * 20 + "\n" + "y" * 6  # it takes two columns
    assert fitted(text, 0) == text  # a terminal that knows no size


@given(st.lists(st.text("ab`-", min_size=1, max_size=12)), st.integers(24, 60))
def test_no_word_of_prose_is_lost_or_broken(words, width):
    text = " ".join(words)
    lines = fitted(text, width).split("\n")
    assert " ".join(lines) == text
    assert all(len(line) <= width or " " not in line or "`" in line for line in lines)
