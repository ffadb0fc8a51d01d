"""Outputs that exist already: a file of them, or any earlier run's journal.

`--model-args path=outputs.jsonl`: lines {"id" | "question", "output", "mode"?, "finish_reason"?, "prompt_tokens"?,
"completion_tokens"?, "reasoning"?}, read as a server's reply is (`replies.py`). `id` is cotbench's question id;
`question` the question's text, which is matched after folding white space. Without `mode` a line serves every mode.
Several lines of one question and mode are its paths, in order. A line that can't be used is passed over and named;
where none can, there is nothing to replay. `path=results/RUN`: the raw completions of a run, by question and
template. A question without an output ends as `engine_error`, never as wrong.
"""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from typing import Any, get_args

from cotbench.engines import Continues, EngineConfig, EngineInfo, ThinkingInfo
from cotbench.engines.arguments import check
from cotbench.engines.batched import ModellessEngine
from cotbench.engines.chat import failed
from cotbench.engines.local import fingerprint_file
from cotbench.engines.replies import Reader, read_row, whole
from cotbench.errors import DataError, RunError, UsageError
from cotbench.store.files import kind_of
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.jsonl import numbered
from cotbench.store.manifest import MANIFEST, read_manifest
from cotbench.types import Completion, Key, Reply, Request

ANY_MODE = ""
MOST_NAMED = 5  # of the lines that can't be used, and of what isn't known


def _fold(text: str) -> str:
    return " ".join(text.split())


def _kind_of(paths: list[Completion]) -> tuple[str, bool]:
    """What a recorded reply was begun with, and whether it tells the probabilities of options."""
    return (paths[0].begun, paths[0].options is not None) if paths else ("", False)


def _continues(engine: dict[str, Any]) -> Continues:
    """How an engine goes on from the beginning of a reply, by what a manifest says of it."""
    said = engine.get("continues")
    return next((known for known in get_args(Continues) if known == said), "")


class ReplayEngine(ModellessEngine):
    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        check("replay", config.model_args)
        given = config.model_args.get("path")
        if not given:
            raise UsageError(
                "engine 'replay' takes --model-args path=outputs.jsonl (or an earlier run's folder), and nothing else."
            )
        self._path = Path(str(given))
        # By question, mode, what the reply was begun with, and whether it is one of probabilities.
        self._outputs: dict[tuple[str, str, str, bool], list[Completion]] = defaultdict(list)
        self._begun = self._options = False  # whether such replies are on record
        self._continues: Continues = ""  # how the recorded run's engine went on, which requests depend on
        self._replies: dict[Key, tuple[Completion, ...]] = {}
        self._lines = self._matched = 0
        self._faults: tuple[str, ...] = ()
        self._reader = Reader()
        if (self._path / MANIFEST).is_file():
            with suppress(RunError):  # what is replayed is the journal, whatever became of the manifest
                self._continues = _continues(read_manifest(self._path).engine)
            self._path = self._path / JOURNAL
            if not self._path.is_file():
                kind = kind_of(self._path)
                found = f"is {kind}, expected a file" if kind else "there is no such file"
                raise DataError(f"engine 'replay': {self._path}: {found}.", "Give a run that holds one.")
            self._read_journal()
        elif self._path.is_file():
            self._read_outputs()
        else:
            found = f"there is no file or run at {self._path}"
            if kind := kind_of(self._path):
                found = f"{self._path} is {kind}, expected a file or a run"
            raise DataError(f"engine 'replay': {found}.", "Give the path of an outputs.jsonl or of a run's folder.")

    def _read_journal(self) -> None:
        for row in JournalIndex(self._path):
            if row.failed:
                continue
            self._replies[row.key] = row.completions
            paths = list(row.completions)
            begun, options = _kind_of(paths)
            self._begun |= bool(begun)
            self._options |= options
            # Under another prompt the request's hash differs; then the question and the template's name must do, and
            # what the reply was begun with.
            if row.ordinal == 0:
                self._outputs.setdefault((row.question, row.template, begun, options), paths)

    def _read_outputs(self) -> None:
        by_text: dict[str, list[str]] = defaultdict(list)
        for known, question in self._config.questions.items():
            by_text[_fold(question.text)].append(known)
        faults: list[str] = []
        with self._path.open("rb") as file:
            for number, line in numbered(file):
                self._lines += 1
                try:
                    self._read_row(read_row(line), by_text)
                except ValueError as error:
                    faults.append(f"{number}: {error}")
        if faults and len(faults) == self._lines:
            raise DataError(
                f"{self._path}:{faults[0]}.",
                'Each line holds one JSON object: "output", and "id" or "question"; the README lists the keys.',
            )
        self._faults = tuple(f"{self._path.name}:{fault}" for fault in faults)

    def _read_row(self, row: dict[str, Any], by_text: dict[str, list[str]]) -> None:
        """Raises ValueError where a line can't be used."""
        if "output" not in row or not ("id" in row or "question" in row):
            raise ValueError("expected the keys 'output' and 'id' or 'question'")
        if not isinstance(row.get("id", ""), str):
            raise ValueError(f"id is {row['id']!r:.40}, expected cotbench's question id")
        ids = [row["id"]] if "id" in row else by_text.get(_fold(str(row["question"])), [])
        if len(ids) > 1:
            raise ValueError(
                f"{len(ids)} questions have this text, so that cotbench's question id must be given as `id`"
            )
        path = self._reader.row(row)
        if ids and ids[0] in self._config.questions:
            self._matched += 1
            self._outputs[ids[0], str(row.get("mode") or ANY_MODE), "", False].append(path)
            for name in ("prompt_tokens", "completion_tokens"):
                if row.get(name) is not None and whole(row[name]) is None:
                    self._reader.unknown[f"{name} {row[name]!r:.20}"] = None

    def _reply(self, key: Key, request: Request) -> Reply:
        if key in self._replies:
            return Reply(completions=self._replies[key])
        begun, options = request.begun.text if request.begun is not None else "", bool(request.options)
        found = (self._outputs.get((key.question, mode, begun, options)) for mode in (request.template, ANY_MODE))
        paths = next(filter(None, found), [])
        wanted = 1 if options else request.sampling.n
        if len(paths) < wanted:
            return failed(request, f"{self._path.name} has {len(paths)} of {wanted} outputs for this question and mode")
        return Reply(completions=tuple(paths[:wanted]))

    def describe(self) -> EngineInfo:
        faults, unknown = self._faults, ", ".join(list(self._reader.unknown)[:MOST_NAMED])
        more = f"; and {len(faults) - MOST_NAMED:,} more" if len(faults) > MOST_NAMED else ""
        notes = [
            f"{self._matched:,} of {self._lines:,} lines are of a question of this run" if self._lines else "",
            f"outputs replayed from {self._path.name}; the prompts in this run's journal are not what produced them",
        ]
        warnings = [
            f"{len(faults):,} lines can't be used: {'; '.join(faults[:MOST_NAMED])}{more}" if faults else "",
            unknown and f"what isn't known was left out, and its output read as complete: {unknown}",
        ]
        return EngineInfo(
            engine="replay",
            model=self._config.model,
            revision=fingerprint_file(self._path),
            chat_template="replayed",
            continues=self._continues or ("replayed" if self._begun else ""),
            likelihoods=self._options,
            thinking=ThinkingInfo(off="unknown", on="unknown"),
            notes=tuple(filter(None, notes)),
            warnings=tuple(filter(None, warnings)),
        )
