"""Every frame of `cotbench.load` as a tidy file, parquet or CSV, and `columns.csv`, which says what each column is."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cotbench.analysis.frames import Frames
from cotbench.errors import UsageError
from cotbench.exports.columns import FRAMES, meaning
from cotbench.exports.files import Folder, Written, encodable
from cotbench.exports.samples import Asked
from cotbench.modes import BASELINE
from cotbench.modes.arms import named

if TYPE_CHECKING:
    import pandas as pd

DICTIONARY = "columns.csv"


def _write(ending: str, to_bytes: Callable[[pd.DataFrame], bytes], asked: Sequence[Asked], folder: Folder) -> Any:
    rows: list[dict[str, str]] = []
    for name, frame in _frames(asked):
        folder.write(f"{name}.{ending}", [to_bytes(frame)])
        file = f"{name}.{ending}"
        rows += [
            {"file": file, "column": column, "type": _type(frame[column]), "meaning": meaning(name, column)}
            for column in frame.columns
        ]
        yield Written(name=f"{name}.{ending}", rows=len(frame))
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, ("file", "column", "type", "meaning"), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    folder.write(DICTIONARY, [text.getvalue().encode()])
    yield Written(name=DICTIONARY, rows=len(rows), beside=True)


def _frames(asked: Sequence[Asked]) -> Iterator[tuple[str, pd.DataFrame]]:
    """The frames of a run, with the rows of the tasks and arms that are asked for."""
    frames = Frames([asked[0].run])
    tasks, arms = ({getattr(one, name) for one in asked} for name in ("task", "arm"))
    questions = frames.questions[frames.questions["task"].isin(tasks)]
    yield "questions", questions
    for name in FRAMES:
        frame = frames.outputs() if name == "outputs" else _pairs(frames, asked) if name == "pairs" else None
        frame = getattr(frames, name) if frame is None else frame
        yield name, frame[frame["question"].isin(set(questions["question"])) & frame["mode"].isin(arms)]


def _pairs(frames: Frames, asked: Sequence[Asked]) -> pd.DataFrame:
    """Each arm paired with the baseline; no row where the run has none, or several that may be meant."""
    import pandas as pd

    arms = list(dict.fromkeys(one.arm for one in asked))
    against = named(BASELINE, list(dict.fromkeys(arm for _, arm in asked[0].run.manifest.spec.pairs)))
    found = []
    for arm in arms if len(against) == 1 else ():
        if arm != against[0]:
            try:
                found.append(frames.pairs(arm, against[0]))
            except UsageError:
                continue
    empty = pd.DataFrame(columns=["question", "mode"])
    return pd.concat(found, ignore_index=True) if found else empty


def _type(column: pd.Series[Any]) -> str:
    names = {"Int64": "whole number", "boolean": "truth value", "bool": "truth value", "int64": "whole number"}
    return names.get(str(column.dtype), "number" if str(column.dtype) == "float64" else "text")


def _parquet(frame: pd.DataFrame) -> bytes:
    content = io.BytesIO()
    frame.to_parquet(content, index=False)
    return content.getvalue()


def _csv(frame: pd.DataFrame) -> bytes:
    """CSV with lists as JSON. Texts stand as they are: nothing is put before what a spreadsheet takes for a formula."""
    lists = {
        name: frame[name].map(lambda value: json.dumps(list(value), ensure_ascii=False))
        for name in frame.columns
        if len(frame) and isinstance(frame[name].iloc[0], list | tuple)
    }
    return str(encodable(frame.assign(**lists).to_csv(index=False, lineterminator="\n"))).encode()


write_parquet = partial(_write, "parquet", _parquet)
write_csv = partial(_write, "csv", _csv)
