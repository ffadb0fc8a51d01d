"""Outputs that exist already: a file of them, or any earlier run's journal.

`--model-args path=outputs.jsonl`: lines {"id" | "question", "output", "mode"?, "finish_reason"?, "prompt_tokens"?,
"completion_tokens"?}. `id` is cotbench's question id; `question` the question's text, which is matched after folding
white space. Without `mode` a line serves every mode. Several lines of one question and mode are its paths, in order.
`path=results/RUN`: the raw completions of a run, by question and template. A question without an output ends as
`engine_error`, never as wrong.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, get_args

from cotbench.engines import EngineConfig, EngineInfo
from cotbench.engines.chat import plain_text
from cotbench.engines.local import fingerprint_file
from cotbench.errors import DataError, UsageError
from cotbench.records import JOURNAL, MANIFEST, journal_rows, load_line, read_journal
from cotbench.types import Completion, FinishReason, Key, Reply, Request

ANY_MODE = ""


def _fold(text: str) -> str:
    return " ".join(text.split())


class ReplayEngine:
    capacity = 4_096

    def __init__(self, config: EngineConfig) -> None:
        self._config = config
        given = config.model_args.get("path")
        if not given or set(config.model_args) - {"path"}:
            raise UsageError(
                "engine 'replay' takes --model-args path=outputs.jsonl (or an earlier run's folder), and nothing else."
            )
        self._path = Path(str(given))
        self._outputs: dict[tuple[str, str], list[Completion]] = defaultdict(list)
        self._replies: dict[Key, Reply] = {}
        self._lines = self._matched = 0
        self._waiting: list[tuple[Key, Request]] = []
        if (self._path / MANIFEST).is_file():
            self._path = self._path / JOURNAL
            if not self._path.is_file():
                raise DataError(f"engine 'replay': {self._path}: there is no such file.", "Give a run that holds one.")
            self._read_journal()
        elif self._path.is_file():
            self._read_outputs()
        else:
            raise DataError(
                f"engine 'replay': there is no file or run at {self._path}.",
                "Give the path of an outputs.jsonl or of a run's folder.",
            )

    def _read_journal(self) -> None:
        recorded = read_journal(self._path).replies
        self._replies = recorded
        templates = {(row["question"], row["request"]): row["template"] for row in journal_rows(self._path)}
        for key, reply in recorded.items():
            # Under another prompt the request's hash differs; then the question and the template's name must do.
            place = (key.question, templates[key.question, key.request])
            if key.ordinal == 0 and place not in self._outputs:
                self._outputs[place] = list(reply.completions)

    def _read_outputs(self) -> None:
        by_text: dict[str, list[str]] = defaultdict(list)
        for known, question in self._config.questions.items():
            by_text[_fold(question.text)].append(known)
        with self._path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                place = f"{self._path}:{number}"
                try:
                    row = load_line(line)
                except ValueError as error:
                    raise DataError(f"{place}: not valid JSON: {error}.", "Each line holds one JSON object.") from None
                if (
                    not isinstance(row, dict)
                    or not isinstance(row.get("output"), str)
                    or not ("id" in row or "question" in row)
                ):
                    raise DataError(
                        f"{place}: expected the keys 'output' and 'id' or 'question'.", "The README lists the keys."
                    )
                if not isinstance(row.get("id", ""), str):
                    raise DataError(f"{place}: id is {row['id']!r:.40}.", "Give cotbench's question id, or `question`.")
                ids = [row["id"]] if "id" in row else by_text.get(_fold(str(row["question"])), [])
                if len(ids) > 1:
                    raise DataError(
                        f"{place}: {len(ids)} questions have this text.", "Give cotbench's question id as `id`."
                    )
                identity = str(ids[0]) if ids else ""
                self._lines += 1
                if identity in self._config.questions:
                    self._matched += 1
                    self._outputs[identity, str(row.get("mode", ANY_MODE))].append(self._completion(row, place))

    @staticmethod
    def _completion(row: dict[str, Any], place: str) -> Completion:
        finish = row.get("finish_reason", "stop")
        if finish not in get_args(FinishReason):
            raise DataError(
                f"{place}: finish_reason is {finish!r}.", f"Use one of {', '.join(get_args(FinishReason))}."
            )
        for name in ("prompt_tokens", "completion_tokens"):
            if row.get(name) is not None and type(row[name]) is not int:
                raise DataError(f"{place}: {name} is {row[name]!r:.40}.", "Give a whole number, or leave it out.")
        return Completion(
            text=row["output"],
            finish_reason=finish,
            prompt_tokens=row.get("prompt_tokens"),
            completion_tokens=row.get("completion_tokens"),
        )

    def submit(self, key: Key, request: Request) -> None:
        self._waiting.append((key, request))

    def poll(self) -> list[tuple[Key, Reply]]:
        taken, self._waiting = self._waiting, []
        return [(key, self._reply(key, request)) for key, request in taken]

    def _reply(self, key: Key, request: Request) -> Reply:
        if key in self._replies:
            return Reply(completions=self._replies[key].completions)
        paths = self._outputs.get((key.question, request.template)) or self._outputs.get((key.question, ANY_MODE)) or []
        wanted = request.sampling.n
        if len(paths) < wanted:
            error = f"{self._path.name} has {len(paths)} of {wanted} outputs for this question and mode"
            return Reply(completions=(Completion(text="", finish_reason="error", error=error),) * wanted)
        return Reply(completions=tuple(paths[:wanted]))

    def cancel(self) -> list[Key]:
        return []

    def describe(self) -> EngineInfo:
        return EngineInfo(
            engine="replay",
            model=self._config.model,
            revision=fingerprint_file(self._path),
            chat_template="replayed",
            notes=(
                *(
                    (f"{self._matched:,} of {self._lines:,} lines are of a question of this run",)
                    if self._lines
                    else ()
                ),
                f"outputs replayed from {self._path.name}; the prompts in this run's journal are not what produced them",
            ),
        )

    def preview(self, request: Request) -> str:
        return plain_text(request.messages)

    def close(self) -> None:
        return None
