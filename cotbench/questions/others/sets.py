"""The data sets that tasks of others load, from the folder that ours come from, or as they would load them."""

from __future__ import annotations

import contextlib
import io
import logging
import os
import re
import warnings
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cotbench.errors import CotbenchError, DataError
from cotbench.processes import hub_offline, loading_sets_by
from cotbench.questions.data import DATA_ENV, hub_unreachable

_NOT_FOR_FOLDERS = ("revision", "trust_remote_code", "token", "cache_dir", "download_mode")


def data_folder(data_dir: Path | None) -> Path | None:
    """The folder in the Hub's layout that data sets are taken from; None where the Hub is asked."""
    folder = data_dir or os.environ.get(DATA_ENV)
    return Path(folder) if folder else None


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Let a package of others work unheard: what it prints, logs and warns of is about runs of its own."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)


@contextlib.contextmanager
def sets_from(folder: Path | None, asked: str) -> Iterator[None]:
    """Let a package of others make a task, with its data sets from a folder in the Hub's layout, or from the Hub.

    Raises DataError where a data set can't be had."""
    import datasets  # imported here: 0.9 s that `--help` and `report` don't need

    bars = datasets.is_progress_bar_enabled()
    unreachable = "" if folder else hub_unreachable()
    datasets.disable_progress_bars()
    try:
        with (
            quiet(),
            hub_offline(bool(unreachable)),
            loading_sets_by(lambda load: _loader(load, asked, folder, unreachable)),
        ):
            yield
    finally:
        if bars:
            datasets.enable_progress_bars()


def _loader(load: Callable[..., Any], asked: str, folder: Path | None, unreachable: str) -> Callable[..., Any]:
    """What stands in for `datasets.load_dataset`: it reads folders, and says in our words what is wrong."""

    @cache
    def whole(where: str, split: str | None) -> Any:
        return load(where, "all" if (Path(where) / "all").is_dir() else None, split=split)

    def loaded(path: str, name: str | None = None, *rest: Any, **given: Any) -> Any:
        given |= dict(zip(("data_dir", "data_files", "split"), rest, strict=False))
        own_file = not re.fullmatch(r"[\w.-]+/[\w.-]+", str(path)) or Path(path).exists()
        if folder is None or own_file:
            return _said(asked, str(path), name, unreachable, lambda: load(path, name, **given))
        where = folder / path
        if not where.is_dir():
            found = f"--task {asked}: there is no folder {where}"
            remedy = f"--data-dir and {DATA_ENV} name a folder in the Hub's layout, with {path} in it; "
            raise DataError(f"{found}.", remedy + "leave both out to load from the Hub.")
        kept = {key: value for key, value in given.items() if key not in _NOT_FOR_FOLDERS and value is not None}

        def read() -> Any:
            try:
                return load(str(where), name, **kept)
            except ValueError as error:
                if name is None or "BuilderConfig" not in str(error):
                    raise
                return _part(whole(str(where), kept.get("split")), name)

        return _said(asked, str(where), name, "", read)

    return loaded


def _said(asked: str, where: str, name: str | None, unreachable: str, read: Callable[[], Any]) -> Any:
    try:
        return read()
    except CotbenchError:
        raise
    except Exception as error:
        remedy = f"Without network, point --data-dir or {DATA_ENV} at a folder in the Hub's layout."
        if unreachable:
            found = f"the Hub can't be reached ({unreachable}), and {where} isn't in its cache here"
            raise DataError(f"--task {asked}: {found}.", remedy) from None
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"
        raise DataError(f"--task {asked}: can't load {where!r} (config {name!r}): {reason}.", remedy) from None


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", text.lower().replace("&", "and")).strip("_")


def _part(table: Any, name: str) -> Any:
    """The rows of one part of a data set whose folder has all parts in one: those that say so in a column.

    Raises ValueError where none of the columns has that name in it."""
    if isinstance(table, dict):
        return type(table)({split: _part(rows, name) for split, rows in table.items()})
    for column in table.column_names:
        values = table.data.column(column).to_pylist() if table._indices is None else table[column]
        if all(isinstance(value, str) for value in values) and len(set(values)) <= len(values) / 2:
            wanted = [place for place, value in enumerate(values) if _plain(value) == _plain(name)]
            if wanted:
                return table.select(wanted)
    raise ValueError(f"no part is called {name!r}, and no column of the config 'all' says so")
