import pytest

from beam_actors.runtime import Actor, receives
from beam_actors.runtime.handlers import find_handler, handlers_of


class Message:
    pass


class Special(Message):
    pass


class VerySpecial(Special):
    pass


class Base:
    @receives(Message, int)
    def take(self, message): ...

    @receives(str)
    def read(self, message): ...


class Sub(Base):
    @receives(Special)
    def take_special(self, message): ...

    @receives(str)
    def read_again(self, message): ...


def test_the_closest_class_of_the_message_wins():
    handlers = handlers_of(Sub)
    assert find_handler(handlers, Message) == "take"
    assert find_handler(handlers, Special) == find_handler(handlers, VerySpecial) == "take_special"
    assert find_handler(handlers_of(Base), VerySpecial) == "take"


def test_a_subclass_goes_before_its_base():
    assert find_handler(handlers_of(Sub), str) == "read_again"
    assert find_handler(handlers_of(Base), str) == "read"


def test_what_nobody_takes_has_no_handler():
    handlers = handlers_of(Sub)
    assert find_handler(handlers, bytes) is None
    assert bytes not in handlers


def test_what_was_found_is_remembered_for_that_class_alone():
    handlers, others = handlers_of(Sub), handlers_of(Sub)
    find_handler(handlers, bool)
    assert handlers[bool] == "take"
    assert bool not in others


def test_a_handler_of_object_takes_what_no_other_does():
    class Open(Base):
        @receives(object)
        def take_all(self, message): ...

    handlers = handlers_of(Open)
    assert [find_handler(handlers, kind) for kind in (bytes, Special, object)] == ["take_all", "take", "take_all"]


@pytest.mark.parametrize("types", [(lambda self, message: None,), (), ("x",), (int, None), (int | str,)])
def test_a_handler_is_marked_with_classes(types):
    with pytest.raises(TypeError, match=r"^A handler is marked with the classes of its messages, @receives\(Type, "):
        receives(*types)


def test_two_methods_of_one_class_can_not_take_the_same_type():
    with pytest.raises(TypeError, match=r"^Torn\.first and second both take int\.$"):

        class Torn(Actor):
            @receives(str, int)
            def first(self, message): ...

            @receives(int)
            def second(self, message): ...


def test_a_method_is_marked_once():
    with pytest.raises(TypeError, match=r"take is marked twice; all types are in one @receives"):

        class Twice:
            @receives(str)
            @receives(int)
            def take(self, message): ...


def test_one_type_may_be_named_twice():
    class Sure:
        @receives(int, int)
        def take(self, message): ...

    assert handlers_of(Sure) == {int: "take"}
