"""The links of a group, as the old and the new kinds of groups keep them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from kerasish.saving.hdf5.heaps import FractalHeap, LocalHeap, records
from kerasish.saving.hdf5.image import UNDEFINED, DamagedError, Fields, Image
from kerasish.saving.hdf5.objects import LINK, LINK_INFO, SYMBOL_TABLE, Message


class Link(NamedTuple):
    """A name in a group.

    Args:
        name: The name.
        address: Where the object is, of a hard link.
        soft: What kind of link it is where it is no hard one; empty for hard links.
        order: Its number among the group's links where the group counts them.
    """

    name: str
    address: int
    soft: str = ""
    order: int = 0


def is_group(messages: list[Message]) -> bool:
    """Whether an object with these messages is a group."""
    return any(message.kind in (SYMBOL_TABLE, LINK_INFO) for message in messages)


def read_links(image: Image, messages: list[Message]) -> dict[str, Link]:
    """Return the links of a group by name, in the order in which they were made if it is known, else of names.

    Raises:
        DamagedError: if a part of the group is not as it should be, or a name is there twice.
    """
    links: dict[str, Link] = {}
    for link in _all_links(image, messages):
        image.spend()
        if link.name in links:
            raise DamagedError(f"a group has two links called {link.name[:80]!r}")
        links[link.name] = link
    return {link.name: link for link in sorted(links.values(), key=lambda link: (link.order, link.name))}


def _all_links(image: Image, messages: list[Message]) -> Iterator[Link]:
    for message in messages:
        if message.kind == SYMBOL_TABLE:
            tree, heap = message.fields("a group's symbol table").numbers(8, 8)
            yield from _symbols(image, tree, LocalHeap(image, heap))
        elif message.kind == LINK:
            yield _read_link(message.fields("a link"))
        elif message.kind == LINK_INFO:
            fields = message.fields("a group's description")
            version, flags = fields.numbers(1, 1)
            if version != 0:
                raise DamagedError(f"a group's description has version {version}")
            fields.take(8 if flags & 1 else 0)
            heap_address, tree = fields.numbers(8, 8)
            if heap_address != UNDEFINED:
                large = FractalHeap(image, heap_address)
                for record in records(image, tree, 5):
                    yield _read_link(Fields(large.object(record[4:11]), "a link"))


def tree_entries(image: Image, address: int, kind: int, key_size: int) -> Iterator[tuple[bytes, int]]:
    """Yield the key and the address of each entry at the bottom of a tree of the old kind."""
    seen: set[int] = set()

    def walk(address: int, level: int | None) -> Iterator[tuple[bytes, int]]:
        what = f"the tree at byte {address:#x}"
        fields = Fields(image.read(address, 24, what), what)
        fields.expect(b"TREE")
        found, depth, count, _, _ = fields.numbers(1, 1, 2, 8, 8)
        if address in seen or found != kind or depth > 16 or (level is not None and depth != level):
            raise DamagedError(f"{what} has kind {found} and level {depth}, or is part of itself")
        seen.add(address)
        image.spend(count + 1)
        body = Fields(image.read(address + 24, count * (key_size + 8), what), what)
        for _ in range(count):
            key, child = body.take(key_size), body.number(8)
            if depth:
                yield from walk(child, depth - 1)
            else:
                yield key, child

    yield from walk(address, None)


def _symbols(image: Image, tree: int, heap: LocalHeap) -> Iterator[Link]:
    seen: set[int] = set()
    for _, address in tree_entries(image, tree, 0, 8):
        what = f"the symbol table at byte {address:#x}"
        if address in seen:
            raise DamagedError(f"{what} is there twice")
        seen.add(address)
        fields = Fields(image.read(address, 8, what), what)
        fields.expect(b"SNOD")
        _, _, count = fields.numbers(1, 1, 2)
        body = Fields(image.read(address + 8, count * 40, what), what)
        for _ in range(count):
            name, target, cache, _ = body.numbers(8, 8, 4, 4)
            body.take(16)
            text = heap.name(name).decode("utf-8", "surrogateescape")
            yield Link(text, target, "SoftLink" if cache == 2 else "")


def _read_link(fields: Fields) -> Link:
    version, flags = fields.numbers(1, 1)
    if version != 1:
        raise DamagedError(f"a link has version {version}")
    kind = fields.number(1) if flags & 0x8 else 0
    order = fields.number(8) if flags & 0x4 else 0
    fields.take(1 if flags & 0x10 else 0)
    name = fields.take(fields.number(1 << (flags & 3))).decode("utf-8", "surrogateescape")
    if kind == 0:
        return Link(name, fields.number(8), order=order)
    soft = {1: "SoftLink", 64: "ExternalLink"}.get(kind, f"link of type {kind}")
    return Link(name, UNDEFINED, soft, order)
