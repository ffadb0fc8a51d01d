"""Which formats a run is exported to: one row each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cotbench.analysis.pairing import Run
from cotbench.errors import UsageError
from cotbench.exports import as_every_eval_ever, as_inspect, as_lm_eval, as_preferences, as_sft, as_tables
from cotbench.exports.conversations import Conversations
from cotbench.exports.files import Folder, Written
from cotbench.exports.samples import Asked, chosen
from cotbench.exports.training import Options


@dataclass(frozen=True, kw_only=True)
class Format:
    """A format. name: as `--to` takes it; about: a line for help and docs. write: writes what is asked for, and says
    file by file what it wrote. takes: the names of the options that are about it. reasoning_only: where no arm is
    named, only those are taken that reason in words, and don't want the answer alone."""

    name: str
    about: str
    write: Callable[[Sequence[Asked], Folder, Options], Iterator[Written]]
    takes: frozenset[str] = frozenset()
    reasoning_only: bool = False


def _log(write: Callable[[Sequence[Asked], Folder], Iterator[Written]]) -> Callable[..., Iterator[Written]]:
    return lambda asked, folder, _: write(asked, folder)


_TRAINING = frozenset({"per_question", "thoughts", "luck", "allow_test"})
_ROWS = (
    Format(
        name="inspect", about="logs (.eval), one for each task and arm; `inspect view`", write=_log(as_inspect.write)
    ),
    Format(
        name="lm-eval",
        about="lm-evaluation-harness's samples and results, a folder for each arm",
        write=_log(as_lm_eval.write),
    ),
    Format(
        name="every-eval-ever",
        about="Every Eval Ever 0.3.0: results, and a line for each question",
        write=_log(as_every_eval_ever.write),
    ),
    Format(
        name="parquet",
        about="the frames of cotbench.load, a file each, and what their columns are",
        write=_log(as_tables.write_parquet),
    ),
    Format(name="csv", about="the same as CSV", write=_log(as_tables.write_csv)),
    Format(
        name="sft",
        about="right outputs as chats to train on, by rejection sampling",
        write=as_sft.write,
        takes=_TRAINING | {"keep"},
        reasoning_only=True,
    ),
    Format(
        name="preferences",
        about="pairs of outputs of one prompt, the better one first",
        write=as_preferences.write,
        takes=_TRAINING | {"pairs"},
        reasoning_only=True,
    ),
)
FORMATS: Mapping[str, Format] = {row.name: row for row in _ROWS}


def export(
    run: Run,
    to: Format,
    output: Path,
    *,
    tasks: Sequence[str] = (),
    arms: Sequence[str] = (),
    options: Options | None = None,
    force: bool = False,
    folders: Mapping[str, Path | None] | None = None,
) -> list[Written]:
    """Write a run in a format into a folder, and say what was written.

    tasks, arms: only these, where any are named. folders: where else task files, templates and data are
    (`Conversations`). Raises RunError where there is nothing to export, UsageError where it can't be written there or
    may not be exported so."""
    asked = chosen(run, tasks, arms, Conversations(run, **(folders or {})))
    if to.reasoning_only and not arms:
        asked = [one for one in asked if one.facts.answers_in in ("words", "") and not one.facts.at_once]
        if not asked:
            raise UsageError(
                f"--to {to.name}: no arm of this run reasons in words.", "Name the arms that are meant with --mode."
            )
    folder = Folder(path=output, force=force)
    folder.check()
    return list(to.write(asked, folder, options or Options()))


def summary(run: Run, to: Format, output: Path, written: Sequence[Written]) -> dict[str, Any]:
    """What was exported, as `--json` has it."""
    return {
        "run": run.folder.name,
        "to": to.name,
        "output": str(output),
        "finished": run.finished,
        "files": [one.as_dict() for one in written],
    }
