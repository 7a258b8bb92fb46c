"""Ed25519 in plain integers, after RFC 8032 §5.1: the judge of the fast one, and the forger of the bad cases."""

import hashlib

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, P - 2, P) % P
Point = tuple[int, int, int, int]
NEUTRAL: Point = (0, 1, 1, 0)


def add(a: Point, b: Point) -> Point:
    e = (a[1] - a[0]) * (b[1] - b[0]) % P
    f = (a[1] + a[0]) * (b[1] + b[0]) % P
    g = 2 * a[3] * b[3] * _D % P
    h = 2 * a[2] * b[2] % P
    return ((f - e) * (h - g) % P, (h + g) * (f + e) % P, (h - g) * (h + g) % P, (f - e) * (f + e) % P)


def times(scalar: int, point: Point) -> Point:
    total = NEUTRAL
    while scalar:
        if scalar & 1:
            total = add(total, point)
        point = add(point, point)
        scalar >>= 1
    return total


def point_at(y: int, sign: int) -> Point | None:
    square = (y * y - 1) * pow(_D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * pow(2, (P - 1) // 4, P) % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    return (x, y % P, 1, x * y % P) if x & 1 == sign else (P - x, y % P, 1, (P - x) * y % P)


def encode(point: Point) -> bytes:
    inverse = pow(point[2], P - 2, P)
    x, y = point[0] * inverse % P, point[1] * inverse % P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def decode(data: bytes) -> Point | None:
    number = int.from_bytes(data, "little")
    return point_at(number & (1 << 255) - 1, number >> 255)


_base = point_at(4 * pow(5, P - 2, P) % P, 0)
assert _base is not None
BASE: Point = _base


def challenge(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little") % ORDER


def torsion() -> Point:
    """A point of order eight, the generator of the small subgroup."""
    y = 2
    while True:
        point = point_at(y, 0)
        if point is not None:
            low = times(ORDER, point)
            if encode(times(4, low)) != encode(NEUTRAL):
                return low
        y += 1


def equation_holds(public: bytes, message: bytes, signature: bytes) -> bool:
    """[S]B = R + [k]A alone, without any of the strict checks: what a careless verifier tests."""
    key, commitment = decode(public), decode(signature[:32])
    if key is None or commitment is None:
        return False
    k = challenge(signature[:32], public, message)
    left = times(int.from_bytes(signature[32:], "little"), BASE)
    return encode(left) == encode(add(commitment, times(k, key)))


def forge(public: Point, secret: int, commitment: Point, nonce: int, message: bytes) -> tuple[bytes, bytes]:
    """The public key's encoding and a signature with any commitment."""
    key, r = encode(public), encode(commitment)
    return key, r + ((nonce + challenge(r, key, message) * secret) % ORDER).to_bytes(32, "little")
