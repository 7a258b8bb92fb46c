from hypothesis import given
from hypothesis import strategies as st

from beam_actors.ingress.replies import MAX_KEPT_QUESTION, ReplyTable


def test_a_reply_gets_the_id_of_its_question():
    table = ReplyTable(10)
    table.put(b"\x00\x01question", b"\x00\x01reply", "a", 10.0)
    assert table.get(b"\xab\xcdquestion", 9.9) == b"\xab\xcdreply"
    assert table.get(b"\xab\xcdQuestion", 9.9) is None
    assert (table.hits, table.misses) == (1, 1)


def test_a_reply_ends_with_its_ttl():
    table = ReplyTable(10)
    table.put(b"..q", b"..r", "a", 10.0)
    assert table.get(b"..q", 10.0) is None


def test_forgetting_a_name_drops_its_replies_only():
    table = ReplyTable(10)
    table.put(b"..a1", b"..r", "a", 10.0)
    table.put(b"..a2", b"..r", "a", 10.0)
    table.put(b"..b1", b"..r", "b", 10.0)
    table.forget("a")
    table.forget("unknown")
    assert [table.get(question, 0.0) for question in (b"..a1", b"..a2", b"..b1")] == [None, None, b"..r"]


def test_a_long_question_is_not_kept():
    table = ReplyTable(10)
    table.put(bytes(MAX_KEPT_QUESTION + 1), b"..r", "a", 10.0)
    assert len(table) == 0


@given(st.lists(st.tuples(st.sampled_from("pfc"), st.integers(0, 9), st.sampled_from("abc"))))
def test_the_table_stays_bounded_and_its_index_exact(operations):
    table = ReplyTable(4)
    model = {}
    for operation, number, name in operations:
        question = f"..{number}".encode()
        match operation:
            case "p":
                model.pop(number, None)
                while len(model) >= 4:
                    del model[next(iter(model))]
                model[number] = name
                table.put(question, f"..{name}".encode(), name, 10.0)
            case "f":
                model = {kept: of for kept, of in model.items() if of != name}
                table.forget(name)
            case _:
                model.clear()
                table.clear()
        got = {number: table.get(f"..{number}".encode(), 0.0) for number in range(10)}
        assert {number: reply for number, reply in got.items() if reply} == {
            number: f"..{of}".encode() for number, of in model.items()
        }
        assert set(table._keys_of) == set(model.values())
