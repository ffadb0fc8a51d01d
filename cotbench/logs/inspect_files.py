"""The two forms of an Inspect log: `.eval`, a zip with a member for each sample and epoch, and `.json`, one object.

Both give a header and, for each sample of each epoch, the part of it that matters here; what else a sample holds
(events, a store) is passed over unbuilt. A zip may hold samples in pieces (`samples/3_epoch_1/sample.json`,
`.../messages/0.json`, `.../attachments/0.json`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from cotbench.errors import DataError
from cotbench.logs.archives import Archive, archive
from cotbench.logs.values import REMEDY, Part, Skip, as_object, decode, decode_object, made, mapped, raw_items, shown

HEADER, START = "header.json", "_journal/start.json"
_SAMPLE = re.compile(r"samples/(?P<id>.+)_epoch_(?P<epoch>\d{1,9})(?:\.json|/sample\.json)\Z")

_PIECE = re.compile(r"samples/.+_epoch_\d+/(?:messages|attachments)/\d+\.json\Z")


class Kept(msgspec.Struct):
    """The keys of a sample that are read."""

    id: Any = None
    epoch: Any = None
    input: Any = None
    choices: Any = None
    target: Any = None
    messages: Any = None
    output: Any = None
    scores: Any = None
    score: Any = None  # of logs of 2024, which knew one scorer
    metadata: Any = None
    model_usage: Any = None
    error: Any = None
    limit: Any = None
    attachments: Any = None
    message_refs: Any = None  # of samples in pieces


class _Address(msgspec.Struct):
    id: Any = None
    epoch: Any = None


class _Head(msgspec.Struct):
    """The keys of a .json log; its samples are decoded one by one."""

    version: Any = None
    status: Any = None
    eval: Any = None
    plan: Any = None
    results: Any = None
    error: Any = None
    invalidated: Any = None
    samples: list[msgspec.Raw] | None = None


class Entry(NamedTuple):
    """One epoch of a sample. place: where it stands; read: decodes it, raises DataError."""

    epoch: int
    place: str
    read: Callable[[], Part]


def header(path: Path) -> tuple[Part, bool]:
    """What a log says of itself, and whether it is whole: a run that crashed leaves none, but says how it began."""
    if path.suffix == ".json":
        head = _json_head(path)
        return as_object({name: getattr(head, name) for name in _Head.__struct_fields__[:-1]}, str(path)), True
    with archive(path) as zipped:
        names = set(zipped.names)
        for name in (HEADER, START):
            if name in names:
                return as_object(decode(zipped.read(name), f"{path}:{name}"), f"{path}:{name}"), name == HEADER
    raise DataError(f"{path}: holds neither {HEADER} nor {START}, expected a log of Inspect.", REMEDY)


def counted(path: Path) -> int:
    """How many samples a log holds, each epoch by itself."""
    if path.suffix == ".json":
        return len(_json_head(path).samples or ())
    with archive(path) as zipped:
        return sum(_SAMPLE.match(name) is not None for name in zipped.names)


@contextmanager
def samples(path: Path, order: Sequence[str], skip: Skip) -> Iterator[Iterator[list[Entry]]]:
    """The epochs of each sample, sample by sample: those that `order` names in its order, then the others."""
    if path.suffix == ".json":
        yield _ordered(_of_json(path, skip), order)
        return
    with archive(path) as zipped:
        yield _ordered(_of_zip(path, zipped), order)


def _ordered(found: Mapping[str, list[Entry]], order: Sequence[str]) -> Iterator[list[Entry]]:
    for name in dict.fromkeys((*(name for name in order if name in found), *found)):
        yield sorted(found[name], key=lambda entry: entry.epoch)


# --- zip ------------------------------------------------------------------------------------------------------------


def _of_zip(path: Path, zipped: Archive) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    pieces: dict[str, list[str]] = {}
    for name in zipped.names:
        if match := _SAMPLE.match(name):
            whole = not name.endswith("/sample.json")
            read = _reader(path, zipped, name) if whole else _piecewise(path, zipped, name, pieces)
            found.setdefault(match["id"], []).append(Entry(int(match["epoch"]), f"{path}:{name}", read))
        elif _PIECE.match(name):
            pieces.setdefault(name.rpartition("/")[0], []).append(name)
    return found


def _reader(path: Path, zipped: Archive, name: str) -> Callable[[], Part]:
    return lambda: decode_object(zipped.read(name), f"{path}:{name}", Kept)


def _piecewise(path: Path, zipped: Archive, name: str, pieces: Mapping[str, list[str]]) -> Callable[[], Part]:
    def joined(folder: str) -> list[Any]:
        whole: list[Any] = []
        for part in sorted(pieces.get(folder, ()), key=lambda part: int(part.rpartition("/")[2][:-5])):
            piece = decode(zipped.read(part), f"{path}:{part}")
            if not isinstance(piece, list):
                raise DataError(f"{path}:{part}: is {shown(piece)}, expected a list.", REMEDY)
            whole += piece
        return whole

    def read() -> Part:
        folder = name.rpartition("/")[0]
        shell = decode_object(zipped.read(name), f"{path}:{name}", Kept)
        pool, attached = joined(f"{folder}/messages"), joined(f"{folder}/attachments")
        value = dict(shell.value)
        value["messages"] = [pool[at] for at in _referred(shell, len(pool))]
        value["attachments"] = {str(at): text for at, text in enumerate(attached)}
        extra = f"{folder}/metadata.json"
        if extra in zipped.names:
            value["metadata"] = decode(zipped.read(extra), f"{path}:{extra}")
        return Part(value, shell.place)

    return read


def _referred(shell: Part, count: int) -> Iterator[int]:
    """The places in the pool of messages: numbers, or ranges from a first to before a last. Raises DataError."""
    for number, one in enumerate(shell.items("message_refs")):
        start, end = one if isinstance(one, list) and len(one) == 2 else (one, None)
        end = start + 1 if end is None and type(start) is int else end
        if type(start) is not int or type(end) is not int or not 0 <= start <= end <= count:
            where = f"{shell.place}: message_refs[{number}]"
            raise DataError(f"{where} is {shown(one)}, expected places among {count} messages.", REMEDY)
        yield from range(start, end)


# --- json -----------------------------------------------------------------------------------------------------------


def _json_head(path: Path) -> _Head:
    data = mapped(path)
    head = raw_items(data, str(path), _Head)
    if head is None:  # a number that isn't one, or a fault, which is named
        whole = as_object(decode(data, str(path)), str(path))
        listed = [msgspec.Raw(_encoded(one)) for one in whole.items("samples")]
        known = {name: whole.any(name) for name in _Head.__struct_fields__ if name != "samples"}
        head = _Head(**known, samples=listed if "samples" in whole else None)
    return head


def _encoded(value: Any) -> bytes:
    import json  # writes NaN, which the faster ones make null

    return json.dumps(value, ensure_ascii=True).encode()


def _of_json(path: Path, skip: Skip) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = {}
    places: dict[tuple[str, int], int] = {}
    for number, raw in enumerate(_json_head(path).samples or ()):
        place = f"{path}:samples[{number}]"
        address = made(skip, _address, raw, place)
        if address is None:
            continue
        first = places.setdefault(address, number)
        if first != number:
            name, epoch = address
            fault = DataError(f"{place}: is sample {name} of epoch {epoch} again, which stands at [{first}].", REMEDY)
            if skip is None:
                raise fault
            skip(fault)
            continue
        found.setdefault(address[0], []).append(Entry(address[1], place, partial(decode_object, raw, place, Kept)))
    return found


def _address(raw: msgspec.Raw, place: str) -> tuple[str, int]:
    part = decode_object(raw, place, _Address)
    return part.label("id"), part.count("epoch") or 1
