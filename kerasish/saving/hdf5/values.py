"""Shapes, types and attributes: what HDF5's messages say of them, as NumPy's."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from kerasish.saving.errors import UnsafeFileError, readable_size
from kerasish.saving.hdf5.heaps import GlobalHeaps
from kerasish.saving.hdf5.image import DamagedError, Fields, Image

_MAX_RANK = 32
_FLOATS = {  # size: (precision, exponent's place and bits, mantissa's place and bits, bias)
    2: (16, 10, 5, 0, 10, 15),
    4: (32, 23, 8, 0, 23, 127),
    8: (64, 52, 11, 0, 52, 1023),
}


class Type(NamedTuple):
    """The type of the elements of a dataset or attribute.

    Args:
        size: Bytes of an element.
        dtype: NumPy's type, or None where it has none for them.
        texts: Whether the elements are texts stored in a heap.
        title: What error messages call it.
    """

    size: int
    dtype: np.dtype | None
    texts: bool = False
    title: str = ""


def read_shape(fields: Fields) -> tuple[int, ...] | None:
    """Return the shape that a dataspace message tells; None for one without elements of any shape."""
    version, rank, _ = fields.numbers(1, 1, 1)
    if version == 1:
        fields.take(5)
    elif version == 2:
        if fields.number(1) == 2:
            return None
    else:
        raise DamagedError(f"{fields.what} has version {version}")
    if rank > _MAX_RANK:
        raise DamagedError(f"{fields.what} has {rank} dimensions")
    return fields.numbers(*(8,) * rank)


def read_type(fields: Fields, depth: int = 0) -> Type:
    """Return the type that a datatype message tells."""
    kind, flags, size = fields.numbers(1, 3, 4)
    version, kind = kind >> 4, kind & 0xF
    if not 1 <= version <= 5 or size == 0 or depth > 2:
        raise DamagedError(f"{fields.what} has version {version} and elements of {size} bytes")
    order = ">" if flags & 1 else "<"
    if kind == 0:
        place, bits = fields.numbers(2, 2)
        whole = size in (1, 2, 4, 8) and place == 0 and bits == 8 * size
        dtype = np.dtype(f"{order}{'i' if flags & 8 else 'u'}{size}") if whole else None
        return Type(size, dtype, title=f"an integer of {bits} bits")
    if kind == 1:
        place, bits, exponent, exponent_bits, mantissa, mantissa_bits, bias = fields.numbers(
            2, 2, 1, 1, 1, 1, 4
        )
        found = (bits, exponent, exponent_bits, mantissa, mantissa_bits, bias)
        whole = place == 0 and not flags & 0x40 and _FLOATS.get(size) == found
        return Type(size, np.dtype(f"{order}f{size}") if whole else None, title=f"a float of {bits} bits")
    if kind == 3:
        return Type(size, np.dtype(f"S{size}"), title="text")
    if kind == 5:
        return Type(size, np.dtype(f"V{size}"), title="opaque bytes")
    if kind == 6:
        return _read_complex(fields, version, flags & 0xFFFF, size, depth)
    if kind == 8:
        return _read_enumeration(fields, version, flags & 0xFFFF, size, depth)
    if kind == 9 and flags & 0xF == 1:
        return Type(size, None, texts=True, title="text")
    names = {2: "a time", 4: "bits", 7: "a reference", 9: "lists", 10: "arrays", 11: "a complex number"}
    return Type(size, None, title=names.get(kind, f"type {kind}"))


def _read_enumeration(fields: Fields, version: int, count: int, size: int, depth: int) -> Type:
    base = read_type(fields, depth + 1)
    names = [_name(fields, padded=version < 3) for _ in range(min(count, 3))]
    if base.size == 1 and sorted(names) == [b"FALSE", b"TRUE"]:
        values = [fields.number(1) for _ in names]
        if dict(zip(names, values, strict=True)) == {b"FALSE": 0, b"TRUE": 1}:
            return Type(1, np.dtype(bool), title="a truth value")
    return Type(size, base.dtype if base.size == size else None, title="an enumeration")


def _read_complex(fields: Fields, version: int, count: int, size: int, depth: int) -> Type:
    """A complex number is a pair of floats, called r and i."""
    refused = Type(size, None, title="a structure")
    if count != 2:
        return refused
    for number, wanted in enumerate((b"r", b"i")):
        name = _name(fields, padded=version < 3)
        place = fields.number(4 if version < 3 else max(1, (size.bit_length() + 7) // 8))
        fields.take(28 if version == 1 else 0)
        part = read_type(fields, depth + 1)
        whole = part.dtype is not None and part.dtype.kind == "f" and part.size in (4, 8)
        if name != wanted or not whole or 2 * part.size != size or place != number * part.size:
            return refused
    return Type(size, np.dtype(f"{part.dtype.byteorder}c{size}"), title="a complex number")  # type: ignore[union-attr]


def _name(fields: Fields, padded: bool) -> bytes:
    end = fields.data.find(b"\0", fields.position)
    if end < 0:
        raise DamagedError(f"{fields.what} has a name without end")
    name = fields.take(end - fields.position)
    fields.take(1)
    if padded:  # with its end, to a multiple of eight
        fields.take(-(len(name) + 1) % 8)
    return name


class Attribute(NamedTuple):
    """An attribute of a group or dataset, not read yet."""

    name: str
    type: Type
    shape: tuple[int, ...] | None
    data: bytes


def read_attribute(fields: Fields) -> Attribute:
    """Return the attribute that a message holds."""
    version, flags, name_size, type_size, shape_size = fields.numbers(1, 1, 2, 2, 2)
    if version not in (1, 2, 3):
        raise DamagedError(f"{fields.what} has version {version}")
    if version > 1 and flags:
        raise DamagedError(f"{fields.what} shares its type with another object")
    fields.take(version == 3)

    def part(size: int) -> bytes:
        data = fields.take(size)
        if version == 1:
            fields.take(min(-size % 8, fields.left))
        return data

    name = part(name_size).rstrip(b"\0").decode("utf-8", "surrogateescape")
    what = f"attribute {name[:80]!r}"
    element = read_type(Fields(part(type_size), f"the type of {what}"))
    shape = read_shape(Fields(part(shape_size), f"the shape of {what}"))
    return Attribute(name, element, shape, fields.data[fields.position :])


def attribute_value(attribute: Attribute, image: Image, heaps: GlobalHeaps) -> Any:
    """Return what an attribute holds: a text or bytes, a number, or an array or list of such; None for nothing."""
    if attribute.shape is None:
        return None
    count, element = math.prod(attribute.shape), attribute.type
    if count * element.size > len(attribute.data):
        raise UnsafeFileError(
            f"Not allowed: the attribute {attribute.name!r} in {image.label} declares "
            f"{readable_size(count * element.size)}, but the file has {readable_size(len(attribute.data))} of it."
        )
    if element.texts:
        image.spend(count)
        fields = Fields(attribute.data, f"attribute {attribute.name!r}")
        values = [heaps.text(*fields.numbers(4, 8, 4)) for _ in range(count)]
        return values if attribute.shape else values[0]
    if element.dtype is None:
        raise DamagedError(f"attribute {attribute.name!r} holds {element.title}")
    array = np.frombuffer(attribute.data, element.dtype, count).reshape(attribute.shape)
    return array if attribute.shape else array[()]
