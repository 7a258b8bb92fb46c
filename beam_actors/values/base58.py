"""Base58 in Bitcoin's alphabet, as peer ids are written. Quadratic: callers bound sizes."""

from beam_actors.errors import InvalidValue

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_DIGITS = {char: value for value, char in enumerate(ALPHABET)}


def encode_base58(data: bytes) -> str:
    """Encode bytes; each leading zero byte becomes one leading "1"."""
    number = int.from_bytes(data, "big")
    digits: list[str] = []
    while number:
        number, digit = divmod(number, 58)
        digits.append(ALPHABET[digit])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(digits))


def decode_base58(text: str) -> bytes:
    """Decode text; raise `InvalidValue` for a character outside the alphabet."""
    number = 0
    for char in text:
        digit = _DIGITS.get(char)
        if digit is None:
            raise InvalidValue(f"{char!r} is not a base58 character.")
        number = number * 58 + digit
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
