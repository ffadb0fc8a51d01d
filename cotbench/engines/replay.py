"""Outputs that exist already: a file of them, or any earlier run's journal.

`--model-args path=outputs.jsonl`: lines {"id" | "question" | "question_part", "output", "mode"?, "prompt"?,
"finish_reason"?, "prompt_tokens"?, "completion_tokens"?, "reasoning"?, "confidence"?, "score"?}, read as a server's
reply is (`replies.py`).

* `id` is cotbench's question id; `question` the question's text; `question_part` a part of it, which stands in no other
  question of the run. White space is folded in all texts that are matched here, and a part begins and ends where words
  and numbers do: "4 5" is no part of "14 5".
* `mode` is the name of the template (`cot`; `tot-value` of a mode that asks more than one turn). Without it a line
  serves every mode. Several lines of one question and mode are its paths, in order.
* `prompt`: a part of the request's last message, or a list of parts that all stand in it, for modes that ask a turn
  several times. Of lines that fit, those of the longest parts are meant, and where none fits those without `prompt`.
  Several lines of one question, mode and `prompt` are the paths of its request, and behind these those of the further
  requests that are equal to it, in order.
* `confidence` is how sure the model was of the output: a number, or an object of the numbers mean, lowest, bottom,
  tail and, where it is known, logprob. `score` is what a reward model gave it: with --judge-engine replay such lines
  are the reward model's, of the replies that have the same text.

A line that can't be used is passed over and named; where none can, there is nothing to replay. So are the first line
that is of no question of the run, keys that are misspelt, and lines that aren't UTF-8. `path=results/RUN`: the
raw completions of a run, by request; under another prompt by question and template, where that is the reply to one
prompt. A question without an output ends as `engine_error`, never as wrong. `docs/replay.md` has a whole example.
"""

from __future__ import annotations

import codecs
import math
import re
from collections import defaultdict
from contextlib import suppress
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any, get_args

from msgspec import structs

from cotbench.engines import Continues, EngineConfig, EngineInfo, ThinkingInfo
from cotbench.engines.arguments import check
from cotbench.engines.batched import ModellessEngine
from cotbench.engines.chat import failed
from cotbench.engines.confidence import LIKELIEST
from cotbench.engines.local import fingerprint_file
from cotbench.engines.replies import Reader, read_row, whole
from cotbench.engines.rewards import scored
from cotbench.errors import DataError, RunError, UsageError
from cotbench.store.files import kind_of
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.jsonl import numbered
from cotbench.store.manifest import MANIFEST, read_manifest
from cotbench.store.segments import segments_of
from cotbench.types import Completion, Confidence, Key, Reply, Request

ANY_MODE = ""
MOST_NAMED = 5  # of the lines that can't be used, and of what isn't known
SHOWN = 60  # characters of a prompt that has no output

KEYS = ("output", "id", "question", "question_part", "mode", "prompt", "confidence", "score")
ALIKE = 0.85  # of a key that may be one of these misspelt: "promt", "question_prat"
NO_SLIP = frozenset({"model"})  # what many files have

_MEASURES = ("mean", "lowest", "bottom", "tail")
_LACKS = re.compile(r" has (?:\d+ of \d+ outputs for|no score of this reply)")
Part = tuple[str, ...]  # texts that all stand in a prompt; none of a line that serves every prompt


def lacks(error: str) -> bool:
    """Whether a request failed for want of an output in a file, so that asking again brings nothing."""
    return _LACKS.search(error) is not None


def _fold(text: str) -> str:
    return " ".join(text.split())


def _stands_in(part: str, text: str) -> bool:
    """Whether a part stands in a text, not within a word or number of it. Both are folded."""
    place = text.find(part)
    while place >= 0:
        before, after = text[:place][-1:], text[place + len(part) :][:1]
        if not (before.isalnum() and part[0].isalnum()) and not (after.isalnum() and part[-1].isalnum()):
            return True
        place = text.find(part, place + 1)
    return False


def _part_of(row: dict[str, Any]) -> Part:
    """The parts of a prompt that a line is for. Raises ValueError where they are no texts."""
    given = row.get("prompt")
    texts = [given] if isinstance(given, str) else given if isinstance(given, list) else [] if given is None else None
    if texts is None or not all(isinstance(text, str) and text.strip() for text in texts):
        raise ValueError(f"prompt is {given!r:.40}, expected a part of the prompt, or a list of parts")
    return tuple(dict.fromkeys(map(_fold, texts)))


def _mode_of(row: dict[str, Any]) -> str:
    """The template that a line is for. Raises ValueError where it is no text."""
    given = row.get("mode")
    if given is not None and not isinstance(given, str):
        raise ValueError(f"mode is {given!r:.40}, expected the name of a template, as cot")
    return given or ANY_MODE


@cache
def _meant(key: str) -> str:
    """The key of which another is perhaps a misspelling, "" where there is none."""
    if key in KEYS or key in NO_SLIP:
        return ""
    return next(iter(get_close_matches(key.casefold(), KEYS, 1, ALIKE)), "")


def _places(numbers: list[int], name: str) -> str:
    """How many lines, and where the first of them is."""
    return f"{len(numbers):,} line{'s' * (len(numbers) != 1)} (the first: {name}:{numbers[0]})"


def _number(given: Any, name: str) -> float:
    """Raises ValueError where it is no number."""
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise ValueError(f"{name} is {given!r:.40}, expected a number")
    return float(given)


def _confidence_of(row: dict[str, Any]) -> Confidence | None:
    """How sure the model was of a line's output. Raises ValueError where the line doesn't say it in numbers."""
    given = row.get("confidence")
    if given is None:
        return None
    told = given if isinstance(given, dict) else dict.fromkeys(_MEASURES, given)
    mean, lowest, bottom, tail = (_number(told.get(name), f"confidence {name}") for name in _MEASURES)
    likely = told.get("logprob")
    return Confidence(
        mean=mean,
        lowest=lowest,
        bottom=bottom,
        tail=tail,
        window=0,
        top=0,
        logprob=None if likely is None else _number(likely, "confidence logprob"),
    )


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
        # Those of lines that say for which prompt they are, by question and mode, and by the part that they name.
        self._for_prompts: dict[tuple[str, str], dict[Part, list[Completion]]] = defaultdict(lambda: defaultdict(list))
        self._by_part: dict[str, list[str]] = {}  # the questions in which a part of a text stands
        self._by_word: dict[str, list[str]] = defaultdict(list)  # the texts of questions that hold a word
        self._begun = self._options = False  # whether such replies are on record
        self._sure = 0  # of how many likely tokens the confidence of replies on record is
        self._scores: dict[tuple[str, str], float] = {}  # of replies, by question and text
        self._scored = False  # whether a reward model's are on record
        self._continues: Continues = ""  # how the recorded run's engine went on, which requests depend on
        self._replies: dict[Key, tuple[Completion, ...]] = {}
        self._lines = self._matched = 0
        self._faults: tuple[str, ...] = ()
        self._modes: dict[str, dict[str, None]] = defaultdict(dict)  # that lines of a question name, in order
        self._foreign = ""  # the first line that is of no question of this run
        self._slips: dict[str, list[int]] = defaultdict(list)  # keys that may be misspelt, and on which lines
        self._garbled: list[int] = []  # lines that aren't UTF-8
        self._reader = Reader()
        if (self._path / MANIFEST).is_file():
            with suppress(RunError):  # what is replayed is the journal, whatever became of the manifest
                self._continues = _continues(read_manifest(self._path).engine)
            self._path = self._path / JOURNAL
            if not self._path.is_file() and not segments_of(self._path):
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
        sent: dict[tuple[str, str, str, bool], object] = {}
        for row in JournalIndex(self._path):
            if row.failed:
                continue
            self._replies[row.key] = row.completions
            paths = list(row.completions)
            if paths and paths[0].score is not None:
                self._scored = True
                continue
            self._sure = max([self._sure, *(path.confidence.top for path in paths if path.confidence is not None)])
            begun, options = _kind_of(paths)
            self._begun |= bool(begun)
            self._options |= options
            # Under another prompt the request's hash differs; then the question and the template's name must do, and
            # what the reply was begun with.
            if row.ordinal == 0:
                address, prompt = (row.question, row.template, begun, options), row.prompt or row.messages
                if sent.setdefault(address, prompt) == prompt:
                    self._outputs.setdefault(address, paths)
                else:  # one turn that was asked several times: which reply is meant by another prompt, nobody knows
                    self._outputs[address] = []

    def _read_outputs(self) -> None:
        by_text: dict[str, list[str]] = defaultdict(list)
        for known, question in self._config.questions.items():
            by_text[_fold(question.text)].append(known)
        faults: list[str] = []
        with self._path.open("rb") as file:
            for number, line in numbered(file):
                if not self._lines and line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
                    raise DataError(f"{self._path}: written in UTF-16, expected UTF-8.", "Save it as UTF-8.")
                self._lines += 1
                try:
                    row = read_row(line)
                    ours = self._read_row(row, by_text)
                except ValueError as error:
                    faults.append(f"{number}: {error}")
                    continue
                self._look_at(number, row, line, ours=ours)
        if not self._lines:
            raise DataError(
                f"{self._path}: there is no line in it.",
                'Each line holds one JSON object: "output", and "id" or "question"; docs/replay.md has all keys.',
            )
        if faults and len(faults) == self._lines:
            raise DataError(
                f"{self._path}:{faults[0]}.",
                'Each line holds one JSON object: "output", and "id" or "question"; docs/replay.md has all keys.',
            )
        self._faults = tuple(f"{self._path.name}:{fault}" for fault in faults)

    def _look_at(self, number: int, row: dict[str, Any], line: bytes, *, ours: bool) -> None:
        """Note what is odd about a line that was read."""
        if not ours and not self._foreign:
            named = next(name for name in row if name in ("id", "question", "question_part"))
            self._foreign = f"{self._path.name}:{number} ({named} {str(row[named])!r:.{SHOWN}})"
        for key in row:
            if _meant(key):
                self._slips[key].append(number)
        try:
            line.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            self._garbled.append(number)

    def _read_row(self, row: dict[str, Any], by_text: dict[str, list[str]]) -> bool:
        """Take a line's output. Returns whether it is of a question of this run. Raises ValueError where it can't be
        used."""
        if "output" not in row or not row.keys() & {"id", "question", "question_part"}:
            raise ValueError("expected the keys 'output' and 'id', 'question' or 'question_part'")
        if not isinstance(row.get("id", ""), str):
            raise ValueError(f"id is {row['id']!r:.40}, expected cotbench's question id")
        ids = [row["id"]] if "id" in row else self._questions_of(row, by_text)
        if len(ids) > 1:
            more = "" if "question" in row else f" ({str(row['question_part'])!r:.{SHOWN}}; or a longer part)"
            raise ValueError(
                f"{len(ids)} questions have this text, so that cotbench's question id must be given as `id`{more}"
            )
        part, mode = _part_of(row), _mode_of(row)
        path, confidence = self._reader.row(row), _confidence_of(row)
        if confidence is not None:
            path, self._sure = structs.replace(path, confidence=confidence), LIKELIEST
        score = _number(row["score"], "score") if row.get("score") is not None else None
        self._scored |= score is not None
        ours = bool(ids) and ids[0] in self._config.questions
        if ours:
            self._matched += 1
            self._modes[ids[0]][mode] = None
            if score is not None:
                self._scores[ids[0], _fold(path.text)] = score
            if part:
                self._for_prompts[ids[0], mode][part].append(path)
            else:
                self._outputs[ids[0], mode, "", False].append(path)
            for name in ("prompt_tokens", "completion_tokens"):
                if row.get(name) is not None and whole(row[name]) is None:
                    self._reader.unknown[f"{name} {row[name]!r:.20}"] = None
        return ours

    def _questions_of(self, row: dict[str, Any], by_text: dict[str, list[str]]) -> list[str]:
        """The questions that a line may be of, by their text or a part of it."""
        if "question" in row:
            return by_text.get(_fold(str(row["question"])), [])
        part = _fold(str(row["question_part"]))
        if not part:
            raise ValueError("question_part is empty, expected a part of the question's text")
        if part not in self._by_part:
            texts = self._texts_with(part, by_text)
            self._by_part[part] = [known for text in texts if _stands_in(part, text) for known in by_text[text]]
        return self._by_part[part]

    def _texts_with(self, part: str, by_text: dict[str, list[str]]) -> list[str]:
        """The texts of questions in which a part may stand: those with the rarest of its words, of which the first and
        the last may go on in the text."""
        if not self._by_word:
            for text in by_text:
                for word in set(text.split(" ")):
                    self._by_word[word].append(text)
        within = part.split(" ")[1:-1]
        known = [self._by_word.get(word, []) for word in within]
        return list(by_text) if not known else min(known, key=len)

    def _for_prompt(self, key: Key, request: Request) -> tuple[list[Completion], str] | None:
        """The outputs of the longest parts of its prompt that lines name, those of this request first; and the part."""
        if request.begun is not None or request.options or not self._for_prompts:
            return None
        prompt = _fold(request.messages[-1].text) if request.messages else ""
        for mode in (request.template, ANY_MODE):
            known = self._for_prompts.get((key.question, mode), {})
            fitting = [part for part in known if all(_stands_in(text, prompt) for text in part)]
            if fitting:
                longest = max(fitting, key=lambda part: sum(map(len, part)))
                return known[longest][key.ordinal * request.sampling.n :], " ... ".join(longest)
        return None

    def _reply(self, key: Key, request: Request) -> Reply:
        if key in self._replies:
            return Reply(completions=self._replies[key])
        if request.reward:
            score = self._scores.get((key.question, _fold(request.messages[-1].text)))
            no_score = f"{self._path.name} has no score of this reply"
            return failed(request, no_score) if score is None else Reply(completions=(scored(score),))
        begun, options = request.begun.text if request.begun is not None else "", bool(request.options)
        wanted = 1 if options else request.sampling.n
        if (told := self._for_prompt(key, request)) is not None:
            paths, part = told
            whose = f"the prompt with {part!r:.60}" + (f", asked {key.ordinal + 1} times" if key.ordinal else "")
        else:
            found = (self._outputs.get((key.question, mode, begun, options)) for mode in (request.template, ANY_MODE))
            paths, whose = next(filter(None, found), []), "this question and mode"
            if not paths and (key.question, request.template) in self._for_prompts:
                whose = self._shown(key, request)
        if len(paths) < wanted:
            lacking = f"{self._path.name} has {len(paths)} of {wanted} outputs for {whose}"
            return failed(request, f"{lacking} (mode {request.template}{self._other_modes(key, request)})")
        return Reply(completions=tuple(paths[:wanted]))

    def _shown(self, key: Key, request: Request) -> str:
        """A prompt for which there is no output, in a few words: of one that holds the question what it says behind
        it."""
        prompt = request.messages[-1].text
        question = self._config.questions.get(key.question)
        behind = prompt.rpartition(question.text)[2].strip() if question is not None and question.text in prompt else ""
        if len(behind) > SHOWN:
            return f"the prompt that says {behind[:SHOWN]!r} ... behind the question"
        return f"the prompt that ends {prompt[-SHOWN:]!r}"

    def _other_modes(self, key: Key, request: Request) -> str:
        """Which modes the lines of a question name, where they don't name that of a request."""
        known = self._modes.get(key.question, {})
        if not self._lines or request.template in known or ANY_MODE in known:
            return ""
        return f"; its lines of this question are of {', '.join(known)}" if known else "; it has none of this question"

    def describe(self) -> EngineInfo:
        faults, unknown = self._faults, ", ".join(list(self._reader.unknown)[:MOST_NAMED])
        more = f"; and {len(faults) - MOST_NAMED:,} more" if len(faults) > MOST_NAMED else ""
        others = f"; the first of the others: {self._foreign}" if self._foreign else ""
        matched = f"{self._matched:,} of {self._lines:,} lines are of a question of this run{others}"
        slips = "; ".join(
            f"{key!r}, perhaps for {_meant(key)!r}, on {_places(numbers, self._path.name)}"
            for key, numbers in list(self._slips.items())[:MOST_NAMED]
        )
        notes = [
            matched if self._lines and self._matched else "",
            f"outputs replayed from {self._path.name}; the prompts in this run's journal are not what produced them",
        ]
        bad = f"{len(faults):,} line{'s' * (len(faults) != 1)} can't be used"
        warnings = [
            matched if self._lines and not self._matched else "",
            f"{bad}: {'; '.join(faults[:MOST_NAMED])}{more}" if faults else "",
            slips and f"keys that aren't read: {slips}",
            f"not UTF-8, so that some characters are lost: {_places(self._garbled, self._path.name)}"
            if self._garbled
            else "",
            unknown and f"what isn't known was left out, and its output read as complete: {unknown}",
        ]
        return EngineInfo(
            engine="replay",
            model=self._config.model,
            revision=fingerprint_file(self._path),
            chat_template="replayed",
            continues=self._continues or ("replayed" if self._begun else ""),
            likelihoods=self._options,
            confidence=self._sure,
            rewards=self._scored and "rewards" in self._config.wants,
            thinking=ThinkingInfo(off="unknown", on="unknown"),
            notes=tuple(filter(None, notes)),
            warnings=tuple(filter(None, warnings)),
        )
