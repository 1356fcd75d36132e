"""Hashes of bytes that are the same everywhere and for ever: FarmHash's Fingerprint64 and SipHash-2-4.

Layers that hash must put a value into the bin that a model was trained with, whatever library hashed it then.
"""

from __future__ import annotations

_ALL = 0xFFFFFFFFFFFFFFFF
_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F


def _rotated(x: int, by: int) -> int:
    """Return 64 bits turned to the right."""
    return (x >> by | x << (64 - by)) & _ALL


def _mixed(x: int) -> int:
    return x ^ x >> 47


def _word(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 8], "little")


def _folded(u: int, v: int, multiplier: int) -> int:
    """Hash 128 bits to 64."""
    a = _mixed((u ^ v) * multiplier & _ALL)
    return _mixed((v ^ a) * multiplier & _ALL) * multiplier & _ALL


def fingerprint64(data: bytes) -> int:
    """Return FarmHash's 64-bit fingerprint (Pike and Alakuijala, 2014)."""
    length = len(data)
    if length <= 16:
        return _up_to_16(data, length)
    if length <= 32:
        return _up_to_32(data, length)
    if length <= 64:
        return _up_to_64(data, length)
    return _longer(data, length)


def _up_to_16(data: bytes, length: int) -> int:
    multiplier = _K2 + 2 * length
    if length >= 8:
        a, b = (_word(data, 0) + _K2) & _ALL, _word(data, length - 8)
        c = (_rotated(b, 37) * multiplier + a) & _ALL
        d = (_rotated(a, 25) + b) * multiplier & _ALL
        return _folded(c, d, multiplier)
    if length >= 4:
        first, last = (int.from_bytes(part, "little") for part in (data[:4], data[-4:]))
        return _folded(length + (first << 3), last, multiplier)
    if length:
        y = data[0] + (data[length >> 1] << 8)
        z = length + (data[-1] << 2)
        return _mixed((y * _K2 ^ z * _K0) & _ALL) * _K2 & _ALL
    return _K2


def _up_to_32(data: bytes, length: int) -> int:
    multiplier = _K2 + 2 * length
    a, b = _word(data, 0) * _K1 & _ALL, _word(data, 8)
    c, d = _word(data, length - 8) * multiplier & _ALL, _word(data, length - 16) * _K2 & _ALL
    u = _rotated((a + b) & _ALL, 43) + _rotated(c, 30) + d
    v = a + _rotated((b + _K2) & _ALL, 18) + c
    return _folded(u & _ALL, v & _ALL, multiplier)


def _up_to_64(data: bytes, length: int) -> int:
    multiplier = _K2 + 2 * length
    a, b = _word(data, 0) * _K2 & _ALL, _word(data, 8)
    c, d = _word(data, length - 8) * multiplier & _ALL, _word(data, length - 16) * _K2 & _ALL
    y = (_rotated((a + b) & _ALL, 43) + _rotated(c, 30) + d) & _ALL
    z = _folded(y, (a + _rotated((b + _K2) & _ALL, 18) + c) & _ALL, multiplier)
    e, f = _word(data, 16) * multiplier & _ALL, _word(data, 24)
    g = (y + _word(data, length - 32)) * multiplier & _ALL
    h = (z + _word(data, length - 24)) * multiplier & _ALL
    u = _rotated((e + f) & _ALL, 43) + _rotated(g, 30) + h
    v = e + _rotated((f + a) & _ALL, 18) + g
    return _folded(u & _ALL, v & _ALL, multiplier)


def _weakly(data: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Hash 32 bytes and two seeds to 128 bits."""
    w, x, y, z = (_word(data, at + 8 * i) for i in range(4))
    a = (a + w) & _ALL
    b = _rotated((b + a + z) & _ALL, 21)
    c = a
    a = (a + x + y) & _ALL
    return (a + z) & _ALL, (b + _rotated(a, 44) + c) & _ALL


def _longer(data: bytes, length: int) -> int:
    x, y = 81, (81 * _K1 + 113) & _ALL
    z = _mixed((y * _K2 + 113) & _ALL) * _K2 & _ALL
    v = w = (0, 0)
    x = (x * _K2 + _word(data, 0)) & _ALL
    for at in range(0, (length - 1) // 64 * 64, 64):
        x = _rotated((x + y + v[0] + _word(data, at + 8)) & _ALL, 37) * _K1 & _ALL
        y = _rotated((y + v[1] + _word(data, at + 48)) & _ALL, 42) * _K1 & _ALL
        x ^= w[1]
        y = (y + v[0] + _word(data, at + 40)) & _ALL
        z = _rotated((z + w[0]) & _ALL, 33) * _K1 & _ALL
        v = _weakly(data, at, v[1] * _K1 & _ALL, (x + w[0]) & _ALL)
        w = _weakly(data, at + 32, (z + w[1]) & _ALL, (y + _word(data, at + 16)) & _ALL)
        z, x = x, z
    multiplier = _K1 + ((z & 0xFF) << 1)
    at = length - 64
    w = ((w[0] + ((length - 1) & 63)) & _ALL, w[1])
    v = ((v[0] + w[0]) & _ALL, v[1])
    w = ((w[0] + v[0]) & _ALL, w[1])
    x = _rotated((x + y + v[0] + _word(data, at + 8)) & _ALL, 37) * multiplier & _ALL
    y = _rotated((y + v[1] + _word(data, at + 48)) & _ALL, 42) * multiplier & _ALL
    x ^= w[1] * 9 & _ALL
    y = (y + v[0] * 9 + _word(data, at + 40)) & _ALL
    z = _rotated((z + w[0]) & _ALL, 33) * multiplier & _ALL
    v = _weakly(data, at, v[1] * multiplier & _ALL, (x + w[0]) & _ALL)
    w = _weakly(data, at + 32, (z + w[1]) & _ALL, (y + _word(data, at + 16)) & _ALL)
    z, x = x, z
    u = (_folded(v[0], w[0], multiplier) + _mixed(y) * _K0 + z) & _ALL
    return _folded(u, (_folded(v[1], w[1], multiplier) + x) & _ALL, multiplier)


def joined(one: int, other: int) -> int:
    """Return the fingerprint of two fingerprints, the order of which counts."""
    multiplier = 0xC6A4A7935BD1E995
    found = one ^ multiplier
    found ^= _mixed(other * multiplier & _ALL) * multiplier & _ALL
    found = found * multiplier & _ALL
    return _mixed(_mixed(found) * multiplier & _ALL)


def siphash24(data: bytes, key: tuple[int, int]) -> int:
    """Return SipHash-2-4 of `data` under a key of two 64-bit integers (Aumasson and Bernstein, 2012)."""
    k0, k1 = (k & _ALL for k in key)
    state = [
        k0 ^ 0x736F6D6570736575,
        k1 ^ 0x646F72616E646F6D,
        k0 ^ 0x6C7967656E657261,
        k1 ^ 0x7465646279746573,
    ]
    whole = len(data) // 8 * 8
    words = [_word(data, at) for at in range(0, whole, 8)]
    words.append(int.from_bytes(data[whole:], "little") | (len(data) & 0xFF) << 56)
    for word in words:
        state[3] ^= word
        _sip_rounds(state, 2)
        state[0] ^= word
    state[2] ^= 0xFF
    _sip_rounds(state, 4)
    return state[0] ^ state[1] ^ state[2] ^ state[3]


def _sip_rounds(v: list[int], count: int) -> None:
    for _ in range(count):
        v[0] = (v[0] + v[1]) & _ALL
        v[1] = _rotated(v[1], 64 - 13) ^ v[0]
        v[0] = _rotated(v[0], 32)
        v[2] = (v[2] + v[3]) & _ALL
        v[3] = _rotated(v[3], 64 - 16) ^ v[2]
        v[0] = (v[0] + v[3]) & _ALL
        v[3] = _rotated(v[3], 64 - 21) ^ v[0]
        v[2] = (v[2] + v[1]) & _ALL
        v[1] = _rotated(v[1], 64 - 17) ^ v[2]
        v[2] = _rotated(v[2], 32)
