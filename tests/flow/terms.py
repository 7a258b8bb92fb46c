"""What a run of the machine of tunnels goes by: sizes and bounds, fine (a few bytes at a time) or as in life."""

import attrs
from hypothesis import strategies as st

from beam_actors.flow import FlowLimits
from beam_actors.wire import SessionLimits
from beam_actors.wire.limits import INITIAL_WINDOW


@attrs.frozen
class Terms:
    """What one run goes by; sizes in bytes."""

    sizes: tuple[int, ...]
    """Of writes, reads, and of what the network hands on at once."""
    buffer: int
    """Of both kernels, for one direction of a connection."""
    read_size: int
    splice_read_size: int
    stream_buffer: int
    send_buffer: int
    slice_callbacks: int
    slice_bytes: int
    slice_frames: int
    window: int
    bulk_bytes: int
    pace_bytes: int

    @property
    def rounds(self) -> int:
        """How often somebody writes who wants to fill a window."""
        return 200 if self.sizes[-1] >= INITIAL_WINDOW else 6

    @property
    def flow(self) -> FlowLimits:
        return FlowLimits(
            read_size=self.read_size,
            splice_read_size=self.splice_read_size,
            slice_callbacks=self.slice_callbacks,
            slice_bytes=self.slice_bytes,
            slice_frames=self.slice_frames,
            small_move=self.sizes[1],
            bulk_bytes=self.bulk_bytes,
            pace_bytes=self.pace_bytes,
        )

    @property
    def session(self) -> SessionLimits:
        return SessionLimits(stream_buffer=self.stream_buffer, send_buffer=self.send_buffer, window=self.window)


def terms(fine: bool) -> st.SearchStrategy[Terms]:  # noqa: FBT001  # one of two
    def one(few: tuple[int, ...], many: tuple[int, ...]) -> st.SearchStrategy[int]:
        return st.sampled_from(few if fine else many)

    return st.builds(
        Terms,
        sizes=st.just((1, 3, 20, 90, 300) if fine else (1, 700, 9_000, 70_000, 300_000)),
        buffer=one((40, 300), (1_500, 1 << 16)),
        read_size=one((7, 50), (4_096, 1 << 18)),
        splice_read_size=one((1, 50), (4_096, 1 << 16)),
        stream_buffer=one((5, 1 << 18), (10_000, 1 << 18)),
        send_buffer=one((20, 1 << 20), (30_000, 1 << 20)),
        slice_callbacks=st.sampled_from([1, 3, 256]),
        slice_bytes=st.sampled_from([1, 1 << 20]),
        slice_frames=st.sampled_from([1, 512]),
        window=st.sampled_from([INITIAL_WINDOW, 4 * INITIAL_WINDOW]),
        bulk_bytes=one((10, 1 << 17), (2_000, 1 << 17)),
        pace_bytes=one((1, 40, 1 << 17), (3_000, 1 << 17)),
    )
