"""Fuzz entry points of the outer world: any bytes in, no exception out but the documented one."""

from beam_actors.world.client_hello import BadHello, ClientHello, HelloReader


def fuzz_client_hello(data: bytes) -> None:
    """At once or byte by byte, the outcome is the same."""
    whole, pieces = _outcome([data]), _outcome([data[at : at + 1] for at in range(len(data))])
    if isinstance(whole, ClientHello):
        assert isinstance(pieces, ClientHello)
        assert pieces.server_name == whole.server_name
        assert data.startswith(pieces.received)
        assert whole.received == data
        assert whole.server_name is None or whole.server_name.isascii()
    else:
        assert pieces == whole


def _outcome(parts: list[bytes]) -> ClientHello | tuple[int, str] | None:
    reader = HelloReader()
    for part in parts:
        try:
            hello = reader.feed(part)
        except BadHello as error:
            return error.alert, str(error)
        if hello is not None:
            return hello
    return None
