import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.wire import fuzz
from tests.wire.support import DATA, FIN, GO_AWAY, PING, RST, SYN, WINDOW, frame, opening

FRAMES = st.builds(
    lambda kind, flags, stream, value, payload: frame(
        kind, flags, stream, len(payload) if kind == DATA else value, payload
    ),
    st.sampled_from([DATA, WINDOW, PING, GO_AWAY]),
    st.sampled_from([0, 0, SYN, FIN, RST, SYN | FIN]),
    st.integers(0, 6),
    st.sampled_from([0, 1, 7, 2**31, 2**32 - 1]),
    st.one_of(st.just(b""), st.just(opening()), st.binary(max_size=20)),
)


@pytest.mark.parametrize("target", fuzz.TARGETS, ids=lambda target: target.__name__)
@given(data=st.binary(max_size=200))
def test_any_bytes(target, data):
    target(data)


@pytest.mark.parametrize("target", [fuzz.fuzz_yamux, fuzz.fuzz_established_session], ids=lambda t: t.__name__)
@given(frames=st.lists(FRAMES, max_size=12))
def test_any_frames(target, frames):
    target(b"".join(frames))


@given(st.binary(max_size=200))
def test_anything_after_a_proposal(data):
    fuzz.fuzz_session(opening("/noise") + data)
    fuzz.fuzz_multistream_listener(opening() + data)
