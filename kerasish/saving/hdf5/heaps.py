"""Where HDF5 keeps names, texts and what is too large or too many for an object header."""

from __future__ import annotations

from collections.abc import Iterator

from kerasish.saving.hdf5.image import UNDEFINED, DamagedError, Fields, Image


class LocalHeap:
    """The names of a group of the old kind."""

    def __init__(self, image: Image, address: int) -> None:
        self._what = f"the heap at byte {address:#x}"
        fields = Fields(image.read(address, 32, self._what), self._what)
        fields.expect(b"HEAP")
        fields.take(4)
        size, _, data = fields.numbers(8, 8, 8)
        self._data = image.read(data, size, self._what)

    def name(self, offset: int) -> bytes:
        """Return the name at `offset`, without the zero that ends it."""
        end = self._data.find(b"\0", offset)
        if end < 0:
            raise DamagedError(f"{self._what} has no name at {offset}")
        return self._data[offset:end]


class GlobalHeaps:
    """The texts of attributes, in collections that several objects share."""

    def __init__(self, image: Image) -> None:
        self._image = image
        self._collections: dict[int, dict[int, bytes]] = {}

    def text(self, length: int, address: int, index: int) -> bytes:
        """Return the text that a reference of these three parts stands for."""
        if index == 0 or address in (0, UNDEFINED):
            return b""
        if address not in self._collections:
            self._collections[address] = self._read(address)
        data = self._collections[address].get(index)
        if data is None or length > len(data):
            raise DamagedError(f"there is no text {index} of {length} bytes in the heap at byte {address:#x}")
        return data[:length]

    def _read(self, address: int) -> dict[int, bytes]:
        what = f"the heap of texts at byte {address:#x}"
        fields = Fields(self._image.read(address, 16, what), what)
        fields.expect(b"GCOL")
        fields.take(4)
        size = fields.number(8)
        fields = Fields(self._image.read(address, size, what), what)
        fields.take(min(16, size))
        found: dict[int, bytes] = {}
        while fields.left >= 16:
            self._image.spend()
            index, _, length = fields.numbers(2, 6, 8)
            if index == 0:  # free space to the end
                break
            found[index] = fields.take(length)
            fields.take(min(-length % 8, fields.left))
        return found


class FractalHeap:
    """The messages of a group or object that has too many of them for its header."""

    def __init__(self, image: Image, address: int) -> None:
        self._image, self._address = image, address
        self._what = f"the heap at byte {address:#x}"
        fields = Fields(image.read(address, 146, self._what), self._what)
        fields.expect(b"FRHP")
        version, id_size, filters, flags = fields.numbers(1, 2, 2, 1)
        if version != 0 or filters:
            raise DamagedError(f"{self._what} has version {version} or is compressed")
        largest = fields.number(4)
        fields.take(12 * 8)
        self._width, self._start, self._largest_block, bits = fields.numbers(2, 8, 8, 2)
        fields.take(2)
        self._root, self._rows = fields.numbers(8, 2)
        sane = (
            1 <= self._width <= 1024
            and 8 <= self._start <= self._largest_block <= 1 << 32
            and 8 <= bits <= 64
        )
        if not sane or self._rows > 64:
            raise DamagedError(
                f"{self._what} has {self._rows} rows of {self._width} blocks of {self._start} bytes"
            )
        self._offset_size = (bits + 7) // 8
        self._length_size = (min(largest, self._largest_block).bit_length() + 7) // 8
        self._id_size = id_size
        self._blocks: list[tuple[int, int, int]] | None = None

    def object(self, identifier: bytes) -> bytes:
        """Return the object of this number."""
        fields = Fields(identifier, f"a place in {self._what}")
        kind = fields.number(1) >> 4 & 3
        if kind == 2:
            return fields.take((identifier[0] & 0xF) + 1)
        if kind == 1 and self._id_size >= 17:
            address, length = fields.numbers(8, 8)
            return self._image.read(address, length, self._what)
        if kind != 0:
            raise DamagedError(f"{self._what} keeps an object in a way that no Keras file does")
        offset, length = fields.numbers(self._offset_size, self._length_size)
        if self._blocks is None:
            self._blocks = list(self._direct_blocks())
        for start, size, address in self._blocks:
            if start <= offset and offset + length <= start + size:
                return self._image.read(address + offset - start, length, self._what)
        raise DamagedError(f"{self._what} has nothing at {offset}")

    def _direct_blocks(self) -> Iterator[tuple[int, int, int]]:
        """Yield the offset, size and address of each block."""
        if self._root == UNDEFINED:
            return
        if self._rows == 0:
            yield 0, self._start, self._root
            return
        yield from self._children(self._root, self._rows, 0, set())

    def _children(
        self, address: int, rows: int, offset: int, seen: set[int]
    ) -> Iterator[tuple[int, int, int]]:
        if address in seen or len(seen) > 1000:
            raise DamagedError(f"{self._what} is part of itself")
        seen.add(address)
        head = 5 + 8 + self._offset_size
        size = head + 8 * rows * self._width
        fields = Fields(self._image.read(address, size, self._what), self._what)
        fields.expect(b"FHIB")
        fields.take(head - 4)
        for row in range(rows):
            block = self._start << max(row - 1, 0)
            for _ in range(self._width):
                self._image.spend()
                child = fields.number(8)
                if child != UNDEFINED and block <= self._largest_block:
                    yield offset, block, child
                elif child != UNDEFINED:
                    inner = (block // (self._start * self._width)).bit_length()
                    yield from self._children(child, inner, offset, seen)
                offset += block


def records(image: Image, address: int, kind: int) -> Iterator[bytes]:
    """Yield the records of the tree at `address`, which index the objects of a heap.

    Args:
        image: The file.
        address: Where the tree is.
        kind: What its records must be: 5 or 6 for links, 8 or 9 for attributes.
    """
    what = f"the tree at byte {address:#x}"
    fields = Fields(image.read(address, 38, what), what)
    fields.expect(b"BTHD")
    version, found, node_size, record_size, depth, _, _, root, count, _ = fields.numbers(
        1, 1, 4, 2, 2, 1, 1, 8, 2, 8
    )
    if version != 0 or found != kind or depth > 8 or record_size < 8 or node_size > 1 << 20:
        raise DamagedError(f"{what} has version {version}, kind {found} and depth {depth}")
    if root == UNDEFINED:
        return
    # How many records fit into a node of each level, and how many bytes it takes to say how many there are.
    most = [max((node_size - 10) // record_size, 1)]
    total = most[:]
    sizes = [0]
    count_size = _bytes_for(most[0])
    for level in range(1, depth + 1):
        pointer = 8 + count_size + sizes[level - 1]
        most.append(max((node_size - 10 - pointer) // (record_size + pointer), 1))
        total.append((most[-1] + 1) * total[-1] + most[-1])
        sizes.append(_bytes_for(total[-1]))
    seen: set[int] = set()

    def walk(address: int, level: int, count: int) -> Iterator[bytes]:
        if address in seen or count > most[level]:
            raise DamagedError(f"{what} has a node with {count} records or one that is part of itself")
        seen.add(address)
        image.spend(count + 1)
        node = Fields(image.read(address, node_size, what), what)
        node.expect(b"BTIN" if level else b"BTLF")
        node.take(2)
        yield from [node.take(record_size) for _ in range(count)]
        if level:
            children = [node.numbers(8, count_size, sizes[level - 1])[:2] for _ in range(count + 1)]
            for child, inside in children:
                yield from walk(child, level - 1, inside)

    yield from walk(root, depth, count)


def _bytes_for(number: int) -> int:
    return (number.bit_length() - 1) // 8 + 1
