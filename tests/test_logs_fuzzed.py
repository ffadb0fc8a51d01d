"""Logs with anything in any place: each fault is a DataError that says where, and nothing else comes of it."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from foreign_logs import aggregate, header, helm_run, helm_state, inspect_sample, instance, jsonl, zipped
from test_logs_formats import detail, details, predictions, results, said, table_row

from cotbench.errors import DataError
from cotbench.logs.formats import FORMATS, ReadOptions

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 10**40, float("nan"), float("-inf"), "", "x", "attachment://none", "\ud800", [], {},
    [None], [[]], [{}], {"": None}, [1, "a", None], {"a": {"b": []}}, "[]", "{}", "9" * 400,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*path, key))


def put(value: Any, path: tuple[Any, ...], odd: Any) -> Any:
    """A copy of a value with something else in one place; `...` takes it out."""
    if not path:
        return odd
    changed = copy.copy(value)
    if odd is ... and len(path) == 1:
        del changed[path[0]]
        return changed
    changed[path[0]] = put(value[path[0]], path[1:], odd)
    return changed


def read_all(tool: str, path: Path) -> None:
    """Read all there is; what can't be read is a DataError with the file's name and a remedy."""
    row = FORMATS[tool]
    assert row.tells(path) in (True, False)
    faults: list[Exception] = []
    try:
        for log in row.read(path, ReadOptions()):
            for sample in log.samples(faults.append):
                json.dumps([sample.question, sample.target, sample.choices, sample.group, sample.name]).encode()
                for output in sample.outputs:
                    (output.text + output.reasoning).encode()
                    for count in (output.prompt_tokens, output.completion_tokens, output.reasoning_tokens):
                        assert count is None or (type(count) is int and count >= 0)
                for message in sample.messages:
                    assert message.role in ("system", "user", "assistant")
                    assert isinstance(message.text, str)
                for theirs in sample.readings.values():
                    assert all(score is None or abs(score) < float("inf") for score in theirs.scores)
                assert sample.outputs or sample.error
            for figure in log.figures:
                assert abs(figure.value) < float("inf")
            assert all(isinstance(note, str) for note in log.notes)
    except DataError as error:
        faults.append(error)
    for fault in faults:
        assert isinstance(fault, DataError)
        assert any(str(folder) in fault.message for folder in (path, *path.parents[:6]))  # a file beside it, perhaps
        assert fault.hint
        assert len(fault.message) < 1000


def mutants(value: Any, seed: int, count: int) -> Iterator[Any]:
    draw = random.Random(seed)
    spots = list(places(value))
    for _ in range(count):
        spot = draw.choice(spots)
        yield put(value, spot, draw.choice((*ODD, ...) if spot else ODD))


@pytest.mark.patient
def test_inspect(tmp_path: Path) -> None:
    path = tmp_path / "log.eval"
    for number, sample in enumerate(mutants(inspect_sample(1), 1, 250)):
        zipped(path, {"header.json": header(), "samples/1_epoch_1.json": sample}, method=(0, 8, 93)[number % 3])
        read_all("inspect", path)
    for told in mutants(header(), 2, 200):
        zipped(path, {"header.json": told, "samples/1_epoch_1.json": inspect_sample(1)})
        read_all("inspect", path)
    for whole in mutants(header(samples=[inspect_sample(1), inspect_sample(2)]), 3, 150):
        (tmp_path / "log.json").write_text(json.dumps(whole))
        read_all("inspect", tmp_path / "log.json")


@pytest.mark.patient
def test_inspect_cut_and_flipped(tmp_path: Path) -> None:
    path = zipped(tmp_path / "log.eval", {"header.json": header(), "samples/1_epoch_1.json": inspect_sample(1)})
    data = path.read_bytes()
    draw = random.Random(4)
    for number in range(300):
        spoilt = bytearray(data)
        if number % 3:
            for _ in range(draw.randrange(1, 4)):
                spoilt[draw.randrange(len(data))] = draw.randrange(256)
        else:
            del spoilt[draw.randrange(len(data)) :]
        path.write_bytes(spoilt)
        read_all("inspect", path)


@pytest.mark.patient
def test_helm(tmp_path: Path) -> None:
    helm_run(tmp_path / "run")
    for name in ("run_spec.json", "scenario_state.json", "per_instance_stats.json", "stats.json"):
        path = tmp_path / "run" / name
        whole = json.loads(path.read_text())
        for changed in mutants(whole, 5, 150):
            path.write_text(json.dumps(changed))
            read_all("helm", tmp_path / "run")
        path.write_text(json.dumps(whole))
    separate = [
        helm_state(0, reference_index=at, output_mapping=None, result={"completions": [{"text": "", "logprob": -1.0}]})
        for at in range(2)
    ]
    helm_run(tmp_path / "other", "multiple_choice_separate_original", states=separate)
    path = tmp_path / "other" / "scenario_state.json"
    for changed in mutants(json.loads(path.read_text()), 6, 150):
        path.write_text(json.dumps(changed))
        read_all("helm", tmp_path / "other")


@pytest.mark.patient
def test_opencompass(tmp_path: Path) -> None:
    entries = {
        "0": {"origin_prompt": said("one?"), "prediction": "hm</think>1", "gold": "1", "res_length": 5},
        "1": {"origin_prompt": "two?", "prediction": ["3", "4"], "gold": ["2"], "res_length": [1, 2]},
        "2": {"label: A": {"PPL": 3.0}, "label: B": {"PPL": 2.0}, "origin_prompt": "?", "prediction": "B", "gold": "A"},
    }
    told = {"accuracy": 50.0, "details": {"type": "GEN", "0": {"predictions": "1", "correct": True}}}
    folder = tmp_path / "predictions" / "acme"
    predictions(tmp_path / "results" / "acme", "sums", told)
    for changed in mutants(entries, 7, 250):
        read_all("opencompass", predictions(folder, "sums", changed))
    path = predictions(folder, "sums", entries)
    for changed in mutants(told, 8, 60):
        predictions(tmp_path / "results" / "acme", "sums", changed)
        read_all("opencompass", path)
    lines = folder / "lines.jsonl"
    for changed in mutants({"id": 1, **entries["0"]}, 9, 80):
        read_all("opencompass", jsonl(lines, changed, {"id": 2, **entries["1"]}))


@pytest.mark.patient
def test_every_eval_ever(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(aggregate()))
    path = tmp_path / "a_samples.jsonl"
    for changed in mutants(instance(), 10, 250):
        read_all("every-eval-ever", jsonl(path, changed, instance("q2")))
    jsonl(path, instance())
    for changed in mutants(aggregate(), 11, 120):
        (tmp_path / "a.json").write_text(json.dumps(changed))
        read_all("every-eval-ever", path)


@pytest.mark.patient
def test_to_cot(tmp_path: Path) -> None:
    path = tmp_path / "sums.jsonl"
    for changed in mutants(table_row(0), 12, 250):
        read_all("to-cot", jsonl(path, changed, table_row(1)))


@pytest.mark.patient
def test_lighteval(tmp_path: Path) -> None:
    results(tmp_path, "sums|0")
    path = details(tmp_path, "sums|0", [detail(0)])
    for changed in mutants(detail(0), 13, 250):
        try:
            pq.write_table(pa.Table.from_pylist([changed]), path)
        except (pa.ArrowException, ValueError, TypeError, AttributeError, OverflowError):
            continue  # no column holds that
        read_all("lighteval", path)
    details(tmp_path, "sums|0", [detail(0)])
    beside = next(tmp_path.rglob("results_*.json"))
    for changed in mutants(json.loads(beside.read_text()), 14, 120):
        beside.write_text(json.dumps(changed))
        read_all("lighteval", path)
    data = path.read_bytes()
    draw = random.Random(15)
    for _ in range(150):
        spoilt = bytearray(data[: draw.randrange(len(data))] if draw.random() < 0.3 else data)
        for _ in range(draw.randrange(4)):
            spoilt[draw.randrange(len(spoilt) or 1) : 1] = b"" if not spoilt else bytes([draw.randrange(256)])
        path.write_bytes(spoilt)
        read_all("lighteval", path)


JUNK = {
    "empty": b"",
    "space": b" \n\n",
    "binary": bytes(range(256)) * 40,
    "zip": b"PK\x03\x04" + b"\0" * 400,
    "parquet": b"PAR1" + b"\0" * 400 + b"PAR1",
    "deep": b'{"a":' + b"[" * 100_000,
    "long": b'"' + b"x" * 300_000,
    "null": b"null",
    "text": "Fünf und fünf.\n".encode("latin-1"),
    "list": b"[1, 2]\n",
    "object": b"{}\n",
    "marks": b'\xef\xbb\xbf{"evaluation_id": 1}',
}


@pytest.mark.parametrize("ending", ["eval", "json", "jsonl", "parquet", "gz", ""])
def test_junk_is_told_from_logs(tmp_path: Path, ending: str) -> None:
    for name, data in JUNK.items():
        path = tmp_path / f"{name}.{ending}"
        path.write_bytes(data)
        for row in FORMATS.values():
            if row.name == "jsonl":
                continue
            assert not row.tells(path), (row.name, path)
            if row.name == "lm-eval":
                continue
            with pytest.raises(DataError):
                for log in row.read(path, ReadOptions()):
                    list(log.samples(None))


def test_what_is_no_file_is_no_log(tmp_path: Path) -> None:
    (tmp_path / "dir.json").mkdir()
    (tmp_path / "dir.eval").mkdir()
    (tmp_path / "dangling.eval").symlink_to(tmp_path / "nowhere")
    for path in (tmp_path, tmp_path / "dir.json", tmp_path / "dir.eval", tmp_path / "dangling.eval", tmp_path / "no"):
        for row in FORMATS.values():
            assert not row.tells(path), (row.name, path)
            with pytest.raises(DataError):
                for log in row.read(path, ReadOptions()):
                    list(log.samples(None))
