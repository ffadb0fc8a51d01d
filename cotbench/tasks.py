"""Tasks: `tasks/*.yaml` -> `Task`, and data set rows -> `Question` and gold.

A task is data, an answer type and a gold reader; it says nothing about prompting methods, so every task runs under
every mode. Task files hold no code: a gold reader is one of the named ones below. Rows are read with
`datasets.load_dataset`; `--data-dir` / `COTBENCH_DATA` points the very same call at a folder that mirrors the Hub's
layout (`<dir>/openai/gsm8k`).

A question's id is made of the task, a hash of question and options and a counter for repeats (105 MMLU rows repeat
a question with its options), because row order differs between copies of a data set.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from cotbench.errors import DataError, TaskError
from cotbench.extract import boxed_spans, canonical_number
from cotbench.types import LETTERS, AnswerType, Question

DATA_ENV = "COTBENCH_DATA"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Strict):
    """Where the rows come from: a Hub data set with a pinned revision, or a file beside the task file."""

    dataset: str | None = None
    config: str | None = None
    split: str = "test"
    revision: str | None = None
    file: str | None = None
    rows: int | None = None
    licence: str = ""
    paper: str = ""

    @model_validator(mode="after")
    def _one_source(self) -> Source:
        if (self.dataset is None) == (self.file is None):
            raise ValueError("give either 'dataset' (a Hub id) or 'file' (a .jsonl beside the task file)")
        if self.dataset is not None and (self.rows is None or self.revision is None):
            raise ValueError("a 'dataset' needs its pinned 'revision' and the expected number of 'rows'")
        return self


class Fields(_Strict):
    """Column names. question may be a list of columns, joined by blank lines (a passage and its query)."""

    question: str | list[str]
    gold: str
    choices: str | None = None
    group: str | None = None
    cluster: str | None = None


class Answer(_Strict):
    """The answer contract: `form` is how the answer stands on the last line, `phrase` says what it means."""

    type: AnswerType
    form: str
    phrase: str


class Exemplar(_Strict):
    """A worked question for few-shot prompts. The same exemplars serve every mode; each mode shows its own part."""

    question: str
    choices: list[str] = []
    rationale: str | None = None
    program: str | None = None
    equations: str | None = None
    answer: str


class Fewshot(_Strict):
    """Exemplars from a split of the data set itself: the first K rows of the question's own group.

    rationales: a file beside the task file that maps question ids of that split to rationales of ours.
    """

    split: str
    rows: int
    match: Literal["group"]
    rationales: str | None = None


GoldReaderName = Literal["hashes", "boxed", "index", "letter", "plain"]


class Task(_Strict):
    name: str
    about: str
    source: Source
    fields: Fields
    gold_reader: GoldReaderName
    answer: Answer
    fewshot: Fewshot | None = None
    exemplars: list[Exemplar] = []

    @model_validator(mode="after")
    def _coherent(self) -> Task:
        letter = self.answer.type is AnswerType.LETTER
        if letter != (self.fields.choices is not None):
            raise ValueError("answer.type 'letter' and fields.choices go together")
        for number, exemplar in enumerate(self.exemplars, 1):
            if letter != bool(exemplar.choices):
                raise ValueError(f"exemplar {number}: 'choices' are for tasks whose answer.type is 'letter'")
        return self


# --- gold readers -------------------------------------------------------------------------------------------------


def _read_hashes(value: Any, _: Sequence[str]) -> str:
    """GSM8K: the number behind '####' at the end of the worked answer; thousands commas removed."""
    head, mark, tail = str(value).rpartition("####")
    number = canonical_number(tail.strip()) if mark else None
    if number is None or not head:
        raise ValueError("no number behind '####'")
    return number


def _read_boxed(value: Any, _: Sequence[str]) -> str:
    r"""MATH: the content of the last \boxed{..} or \fbox{..} of the worked solution (90 of 5,000 have several)."""
    spans = boxed_spans(str(value))
    if not spans:
        raise ValueError(r"no \boxed{..}")
    start, end = spans[-1]
    return str(value)[start:end].strip()


def _read_index(value: Any, choices: Sequence[str]) -> str:
    if not isinstance(value, int) or not 0 <= value < len(choices):
        raise ValueError(f"{value!r} is not the index of one of {len(choices)} choices")
    return LETTERS[value]


def _read_letter(value: Any, choices: Sequence[str]) -> str:
    letter = str(value).strip().strip("().").upper()
    if len(letter) != 1 or letter not in LETTERS[: len(choices)]:
        raise ValueError(f"{value!r} is not the letter of one of {len(choices)} choices")
    return letter


def _read_plain(value: Any, _: Sequence[str]) -> str:
    text = str(value).strip()
    if not text:
        raise ValueError("the gold answer is empty")
    return text


GOLD_READERS: dict[GoldReaderName, Callable[[Any, Sequence[str]], str]] = {
    "hashes": _read_hashes,
    "boxed": _read_boxed,
    "index": _read_index,
    "letter": _read_letter,
    "plain": _read_plain,
}

# --- task files ---------------------------------------------------------------------------------------------------


def shipped(kind: Literal["tasks", "prompts"]) -> Path:
    """The folder of the task files or prompt templates that come with cotbench (in a wheel, or a checkout)."""
    inside = Path(str(resources.files("cotbench"))) / "shipped" / kind
    return inside if inside.is_dir() else Path(__file__).resolve().parent.parent / kind


@dataclass(frozen=True, kw_only=True)
class TaskFile:
    """A task with the place it was read from. hash: sha256 over the task file and the files it names."""

    task: Task
    path: Path
    hash: str


def _shown(path: Path) -> str:
    """A path as a person would say it: relative to the working directory where that is shorter."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def _yaml(path: Path) -> Any:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(path.read_bytes(), Loader=loader)  # noqa: S506 - both are safe loaders
    except (yaml.YAMLError, UnicodeDecodeError, ValueError) as error:
        place = getattr(error, "problem_mark", None)
        line = f":{place.line + 1}" if place else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise TaskError(f"{_shown(path)}{line}: not valid YAML: {reason}", "Correct the file.") from None


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    """The keys that the model at a location of a task file takes."""
    models: dict[str, type[BaseModel]] = {
        "source": Source,
        "fields": Fields,
        "answer": Answer,
        "fewshot": Fewshot,
        "exemplars": Exemplar,
    }
    owner: type[BaseModel] = models.get(str(location[0]), Task) if len(location) > 1 else Task
    return list(owner.model_fields)


def _explain(path: Path, error: ValidationError) -> TaskError:
    lines: list[str] = []
    for item in error.errors():
        where = ".".join(str(part + 1) if isinstance(part, int) else part for part in item["loc"])
        if item["type"] == "extra_forbidden":
            known = _known_keys(item["loc"])
            close = difflib.get_close_matches(str(item["loc"][-1]), known, n=1)
            found = f"unknown key '{where}'" + (
                f"; did you mean '{close[0]}'?" if close else f"; known here: {', '.join(known)}"
            )
        elif item["type"] == "missing":
            found = f"the key '{where}' is missing"
        else:
            reason = item["msg"].removeprefix("Value error, ")
            value = "" if isinstance(item["input"], dict) else f" (found {item['input']!r:.60})"
            found = f"{where}: {reason}{value}" if where else reason
        lines.append(f"{_shown(path)}: {found}")
    return TaskError(
        "\n".join(lines), "The keys of a task file are described in ARCHITECTURE.md; tasks/gsm8k.yaml is an example."
    )


def read_task_file(path: Path) -> TaskFile:
    """Read and validate one task file. Raises TaskError that names the file, the key and the remedy."""
    content = _yaml(path)
    if not isinstance(content, dict):
        raise TaskError(
            f"{_shown(path)}: expected a mapping of keys, found {type(content).__name__}.", "See tasks/gsm8k.yaml."
        )
    try:
        task = Task.model_validate(content)
    except ValidationError as error:
        raise _explain(path, error) from None
    digest = hashlib.sha256(path.read_bytes())
    beside = [task.source.file, task.fewshot.rationales if task.fewshot else None]
    for name in filter(None, beside):
        companion = path.parent / name
        if not companion.is_file():
            raise TaskError(
                f"{_shown(path)}: names the file '{name}', which is not in {_shown(companion.parent)}.",
                "Add the file or correct the name.",
            )
        digest.update(companion.read_bytes())
    return TaskFile(task=task, path=path, hash=digest.hexdigest()[:16])


def list_task_files(tasks_dir: Path | None = None) -> dict[str, Path]:
    """Name -> task file; a user's folder goes before what is shipped."""
    found: dict[str, Path] = {}
    for folder in [shipped("tasks"), *([tasks_dir] if tasks_dir else [])]:
        if not folder.is_dir():
            raise TaskError(
                f"--tasks-dir: {folder} is not a folder.", "Name the folder that holds your task files (*.yaml)."
            )
        found.update({path.stem: path for path in sorted(folder.glob("*.yaml"))})
    return found


def find_task(name: str, tasks_dir: Path | None = None) -> TaskFile:
    """The task of a name, of a path to a task file, or of a user's own .jsonl of questions."""
    if name.endswith(".jsonl"):
        return task_of_jsonl(Path(name))
    if name.endswith((".yaml", ".yml")):
        if not Path(name).is_file():
            raise TaskError(
                f"--task: there is no file {name}.",
                "Give the path of a task file or of a .jsonl, or a name from `cotbench list tasks`.",
            )
        return read_task_file(Path(name))
    files = list_task_files(tasks_dir)
    if name not in files:
        close = difflib.get_close_matches(name, files, n=1)
        remedy = f"Did you mean '{close[0]}'? " if close else ""
        raise TaskError(
            f"--task: there is no task '{name}'. Known: {', '.join(sorted(files))}.",
            f"{remedy}A path to your own .jsonl (question, answer, optional choices) or task file works too.",
        )
    found = read_task_file(files[name])
    if found.task.name != name:
        raise TaskError(
            f"{_shown(found.path)}: name is '{found.task.name}' but the file is called {name}.yaml.",
            "Make them the same.",
        )
    return found


# --- rows ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """A task with its rows. golds: question id -> gold answer. fingerprint: over all ids and golds, in any row order.

    pool: group -> exemplars of that group, where the task draws them from a split.
    """

    file: TaskFile
    questions: tuple[Question, ...]
    golds: Mapping[str, str]
    fingerprint: str
    origin: str
    pool: Mapping[str, tuple[Exemplar, ...]] = field(default_factory=dict)

    @property
    def task(self) -> Task:
        return self.file.task

    def exemplars(self, question: Question, count: int) -> tuple[Exemplar, ...]:
        """The first `count` exemplars for a question; never the question itself."""
        if count == 0:
            return ()
        pool = self.pool.get(question.group, ()) if self.task.fewshot else tuple(self.task.exemplars)
        if self.task.fewshot:
            pool = tuple(e for e in pool if e.question != question.text)
        if len(pool) < count:
            whose = (
                f"the group '{question.group}' of task {self.task.name}"
                if self.task.fewshot
                else f"task {self.task.name}"
            )
            raise TaskError(
                f"--num-fewshot {count}: {whose} has {len(pool)} exemplars.", f"Use --num-fewshot {len(pool)} or fewer."
            )
        return pool[:count]


def question_hash(text: str, choices: Sequence[str]) -> str:
    return hashlib.sha256("\x1f".join([text, *choices]).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def load_data(file: TaskFile, data_dir: Path | None = None) -> TaskData:
    """All questions of a task with their golds.

    data_dir: a folder in the Hub's layout; None reads COTBENCH_DATA, and without it the Hub (or its local cache).
    Raises DataError where the rows can't be had or aren't those the task file pins.
    """
    task = file.task
    rows, origin = _rows(file, task.source.split, data_dir)
    expected = task.source.rows
    if expected is not None and len(rows) != expected:
        raise DataError(
            f"{_shown(file.path)}: source.rows is {expected} but the split '{task.source.split}' has {len(rows)} rows; "
            "the download is incomplete or the data set changed.",
            f"Look at {origin}; remove its cached copy and load it again, or correct source.rows and source.revision.",
        )
    if not rows:
        raise DataError(
            f"{_shown(file.path)}: {origin} has no rows.", "Give a file or a split with at least one question."
        )
    questions, golds = _questions(file, rows)
    lines = sorted(f"{key}\x1f{gold}" for key, gold in golds.items())
    fingerprint = hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return TaskData(
        file=file,
        questions=tuple(questions),
        golds=golds,
        fingerprint=fingerprint,
        origin=origin,
        pool=_pool(file, data_dir) if task.fewshot else {},
    )


def _rows(file: TaskFile, split: str, data_dir: Path | None) -> tuple[list[dict[str, Any]], str]:
    source = file.task.source
    if source.file is not None:
        path = file.path.parent / source.file
        return _jsonl(path), _shown(path)
    assert source.dataset is not None
    if data_dir is None and os.environ.get(DATA_ENV):
        data_dir = Path(os.environ[DATA_ENV])
    where = source.dataset
    if data_dir is not None:
        where = str(data_dir / source.dataset)
        if not Path(where).is_dir():
            raise DataError(
                f"task {file.task.name}: there is no folder {where}.",
                f"--data-dir and {DATA_ENV} name a folder in the Hub's layout, with {source.dataset} in it; leave both out to load from the Hub.",
            )
    import datasets  # imported here: 0.9 s that `--help` and `report` don't need

    # Off for this call alone: the process may be somebody's notebook.
    bars = datasets.is_progress_bar_enabled()
    datasets.disable_progress_bars()
    try:
        table = datasets.load_dataset(where, source.config, split=split, revision=source.revision)
        return list(table.data.table.to_pylist() if table._indices is None else table), where
    except Exception as error:
        reason = " ".join(str(error).split())[:300]
        kind = type(error).__name__
        raise DataError(
            f"task {file.task.name}: can't load {where!r} (config {source.config!r}, split {split!r}): {kind}: {reason}",
            "Without network, point --data-dir or COTBENCH_DATA at a folder in the Hub's layout; behind a login, set HF_TOKEN.",
        ) from None
    finally:
        if bars:
            datasets.enable_progress_bars()


def _jsonl(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise DataError(
            f"{_shown(path)}: can't be read: {error.strerror}.", "Check the path and its permissions."
        ) from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError as error:
            raise DataError(
                f"{_shown(path)}:{number}: not valid JSON: {error}.", "Each line holds one JSON object."
            ) from None
        if not isinstance(row, dict):
            raise DataError(
                f"{_shown(path)}:{number}: expected an object, found {type(row).__name__}.",
                "Each line holds one JSON object.",
            )
        rows.append(row)
    return rows


def _column(file: TaskFile, row: Mapping[str, Any], number: int, name: str) -> Any:
    if name not in row or row[name] is None:
        have = ", ".join(sorted(row))
        raise DataError(
            f"{_shown(file.path)}: row {number} has no value in the column '{name}' (it has: {have}).",
            "Correct `fields`, or the data.",
        )
    return row[name]


def _ask(file: TaskFile, row: Mapping[str, Any], number: int) -> tuple[str, tuple[str, ...]]:
    fields = file.task.fields
    columns = [fields.question] if isinstance(fields.question, str) else fields.question
    text = "\n\n".join(str(_column(file, row, number, name)).strip() for name in columns)
    if not text.strip():
        raise DataError(f"{_shown(file.path)}: row {number}: the question is empty.", "Correct the data.")
    if fields.choices is None:
        return text, ()
    choices = _column(file, row, number, fields.choices)
    if not isinstance(choices, list) or not 2 <= len(choices) <= len(LETTERS):
        raise DataError(
            f"{_shown(file.path)}: row {number}: expected a list of 2 to 26 choices, found {choices!r:.80}.",
            "Correct the data.",
        )
    return text, tuple(str(choice).strip() for choice in choices)


def _gold(file: TaskFile, row: Mapping[str, Any], number: int, choices: Sequence[str]) -> str:
    value = _column(file, row, number, file.task.fields.gold)
    try:
        return GOLD_READERS[file.task.gold_reader](value, choices)
    except ValueError as error:
        raise DataError(
            f"{_shown(file.path)}: row {number}: the gold reader '{file.task.gold_reader}' finds {error}.",
            "Choose another gold_reader or correct the data.",
        ) from None


def _questions(file: TaskFile, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Question], dict[str, str]]:
    task = file.task
    fields = task.fields
    asked: list[tuple[str, tuple[str, ...], str, Mapping[str, Any]]] = []
    same: dict[str, list[int]] = defaultdict(list)
    for number, row in enumerate(rows, 1):
        text, choices = _ask(file, row, number)
        same[question_hash(text, choices)].append(len(asked))
        asked.append((text, choices, _gold(file, row, number, choices), row))
    ids: dict[int, str] = {}
    for digest, places in same.items():
        # Repeats are counted in the order of their golds, so that ids don't depend on the order of the rows.
        for count, place in enumerate(sorted(places, key=lambda p: (asked[p][2], p))):
            ids[place] = f"{task.name}-{digest}" + (f"-{count + 1}" if count else "")
    questions, golds = [], {}
    for place, (text, choices, gold, row) in enumerate(asked):
        group = str(row.get(fields.group) or "") if fields.group else ""
        cluster = str(row.get(fields.cluster) or "") if fields.cluster else ""
        if len(cluster) > 40:  # a passage: its hash names it
            cluster = question_hash(cluster, ())
        questions.append(
            Question(id=ids[place], task=task.name, text=text, choices=choices, group=group, cluster=cluster)
        )
        golds[ids[place]] = gold
    return questions, golds


def _pool(file: TaskFile, data_dir: Path | None) -> dict[str, tuple[Exemplar, ...]]:
    spec = file.task.fewshot
    assert spec is not None
    rows, origin = _rows(file, spec.split, data_dir)
    if len(rows) != spec.rows:
        raise DataError(
            f"{_shown(file.path)}: fewshot.rows is {spec.rows} but the split '{spec.split}' has {len(rows)} rows.",
            f"Look at {origin}; remove its cached copy and load it again.",
        )
    rationales: dict[str, str] = _yaml(file.path.parent / spec.rationales) if spec.rationales else {}
    questions, golds = _questions(file, rows)
    pool: dict[str, list[Exemplar]] = defaultdict(list)
    for question in questions:
        pool[question.group].append(
            Exemplar(
                question=question.text,
                choices=list(question.choices),
                rationale=rationales.get(question.id),
                answer=golds[question.id],
            )
        )
    return {group: tuple(exemplars) for group, exemplars in pool.items()}


# --- a user's own questions ---------------------------------------------------------------------------------------

CONTRACTS: dict[AnswerType, Answer] = {
    AnswerType.NUMBER: Answer(
        type=AnswerType.NUMBER, form="<number>", phrase="where <number> is the final result in digits, without its unit"
    ),
    AnswerType.LATEX: Answer(
        type=AnswerType.LATEX,
        form=r"\boxed{<answer>}",
        phrase="where <answer> is the final result, as simple as it gets, in LaTeX if it is a formula",
    ),
    AnswerType.LETTER: Answer(
        type=AnswerType.LETTER, form="<letter>", phrase="where <letter> is the letter of the one right option"
    ),
}


def task_of_jsonl(path: Path) -> TaskFile:
    """A task for a user's .jsonl with `question`, `answer` and optional `choices` (and `group`, `cluster`).

    Answers are letters (or indices, or the text of an option) where there are choices, else numbers if every answer
    is one, else LaTeX.
    """
    if not path.is_file():
        raise TaskError(
            f"--task: there is no file {path}.",
            "Give the path of a .jsonl with the keys question, answer and, if you like, choices.",
        )
    rows = _jsonl(path)
    for number, row in enumerate(rows, 1):
        for key in ("question", "answer"):
            if key not in row:
                raise TaskError(
                    f"{_shown(path)}:{number}: the key '{key}' is missing.",
                    "Each line needs `question` and `answer`; `choices` is optional.",
                )
    with_choices = [row for row in rows if row.get("choices")]
    if with_choices and len(with_choices) != len(rows):
        first = next(i for i, row in enumerate(rows, 1) if not row.get("choices"))
        raise TaskError(
            f"{_shown(path)}:{first}: this line has no choices but others have.",
            "Put open and multiple-choice questions into two files.",
        )
    reader: GoldReaderName = "plain"
    if with_choices:
        kind = AnswerType.LETTER
        reader = "index" if all(isinstance(row["answer"], int) for row in rows) else "letter"
    elif rows and all(canonical_number(str(row["answer"])) is not None for row in rows):
        kind = AnswerType.NUMBER
    else:
        kind = AnswerType.LATEX
    name = re.sub(r"[^A-Za-z0-9_]+", "_", path.stem).strip("_") or "questions"
    task = Task(
        name=name,
        about=f"questions of {path.name}",
        source=Source(file=path.name),
        fields=Fields(
            question="question",
            gold="answer",
            choices="choices" if with_choices else None,
            group="group" if any("group" in row for row in rows) else None,
            cluster="cluster" if any("cluster" in row for row in rows) else None,
        ),
        gold_reader=reader,
        answer=CONTRACTS[kind],
    )
    return TaskFile(task=task, path=path, hash=hashlib.sha256(path.read_bytes()).hexdigest()[:16])


# --- subsets ------------------------------------------------------------------------------------------------------


def _unit(*parts: object) -> float:
    """A number in [0, 1) from a hash of the parts."""
    digest = hashlib.sha256("\x1f".join(map(str, parts)).encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56


def select(questions: Sequence[Question], limit: int | None, seed: int) -> tuple[Question, ...]:
    """A seeded sample of `limit` questions, stratified by group, in the order of the data set.

    Within a group of size s, the question of random rank r stands at (r + u) / s with one random u per group; the
    `limit` questions that stand first are taken. So each group gets its share (rounded at random, without bias), and
    a larger limit contains a smaller one. MMLU is sorted by subject: its first N rows would be a few subjects only.
    """
    if limit is None or limit >= len(questions):
        return tuple(questions)
    groups: dict[str, list[Question]] = defaultdict(list)
    for question in questions:
        groups[question.group].append(question)
    standing: dict[str, tuple[float, float]] = {}
    for group, members in groups.items():
        offset = _unit(seed, "group", group)
        ranked = sorted((_unit(seed, q.id), q.id) for q in members)
        for rank, (tie, identity) in enumerate(ranked):
            standing[identity] = ((rank + offset) / len(members), tie)
    chosen = set(sorted(standing, key=standing.__getitem__)[:limit])
    return tuple(q for q in questions if q.id in chosen)
