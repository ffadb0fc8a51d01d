"""Rows of parquet files, some at a time. pyarrow comes with the package `datasets`; it is loaded when it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cotbench.errors import DataError
from cotbench.logs.values import REMEDY, Skip

_AT_ONCE = 256  # rows
_MARK = b"PAR1"


def columns(path: Path) -> frozenset[str]:
    """The columns of a parquet file, by its footer; none of another file. Raises DataError where it is broken, or
    can't be read."""
    try:
        with path.open("rb") as file:
            if file.read(4) != _MARK:
                return frozenset()
    except OSError as error:
        remedy = "Name the file of a log, or a folder of logs."
        raise DataError(f"{path}: can't be read: {error.strerror or error}.", remedy) from None
    import pyarrow.parquet as pq  # type: ignore[import-untyped]
    from pyarrow import ArrowException

    try:
        return frozenset(pq.read_schema(path).names)
    except (ArrowException, OSError, ValueError) as error:
        raise DataError(f"{path}: isn't a whole parquet file: {error}.", REMEDY) from None


def rows(path: Path, names: Sequence[str], skip: Skip) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each row of some columns, with its place (rows are counted from 0). Raises DataError, or hands it to `skip` where
    some rows together can't be read, and ends there."""
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    number = 0
    try:
        with pq.ParquetFile(path) as file:
            there = set(file.schema_arrow.names)
            for batch in file.iter_batches(batch_size=_AT_ONCE, columns=[name for name in names if name in there]):
                for row in batch.to_pylist():
                    yield f"{path}:{number}", row
                    number += 1
    except (ArrowException, OSError, ValueError) as error:
        fault = DataError(f"{path}: can't be read from row {number:,} on: {error}.", REMEDY)
        if skip is None:
            raise fault from None
        skip(fault)
