"""Exported logs in the hands of the tools whose logs they are: Inspect's reader and its metrics, lm-eval's hashes,
names, table and schema of samples. For an environment of their own (`.ci/install-others`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import run_cli

from cotbench.analysis.frames import Frames
from cotbench.analysis.pairing import load_run
from cotbench.types import Outcome

pytestmark = pytest.mark.filterwarnings("default")  # theirs


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A run with several paths, questions with options, texts and numbers; one with thoughts, whose prompts were
    rendered here."""
    folder = tmp_path_factory.mktemp("runs")
    for arguments in (
        ("--model", "stub", "--task", "sample", "--mode", "direct,cot,self-consistency,refine", "--paths", "5"),
        ("--model", "demo-thinker", "--task", "demo", "--mode", "direct,think", "--limit", "12"),
    ):
        done = run_cli("run", *arguments, cwd=folder)
        assert done.code == 0, done.err
    return sorted((folder / "results").iterdir())


def exported(run: Path, to: str, output: Path) -> Path:
    done = run_cli("export", run, "--to", to, "--output", output, cwd=output.parent)
    assert done.code == 0, done.err
    return output


def test_inspect_reads_our_logs_and_finds_our_figures(runs: list[Path], tmp_path: Path) -> None:
    log_of = pytest.importorskip("inspect_ai.log")
    for run in runs:
        records = Frames([load_run(run)]).records
        folder = exported(run, "inspect", tmp_path / run.name)
        listed = log_of.list_eval_logs(str(folder))
        assert {info.task_id for info in listed} == {log_of.read_eval_log(info).eval.task_id for info in listed}
        for info in listed:
            log = log_of.read_eval_log(info)
            own = records[records["mode"] == log.eval.task_args["arm"]]
            assert log.status == "success"
            assert len(log.samples) == len(own) == len(log_of.read_eval_log_sample_summaries(info))
            told = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
            assert told["accuracy"] == pytest.approx(own["correct"].mean())
            log_of.recompute_metrics(log)
            again = {name: metric.value for name, metric in log.results.scores[0].metrics.items()}
            assert again == pytest.approx(told), "as its own metrics work it out"


def test_inspect_sees_paths_thoughts_and_usage(runs: list[Path], tmp_path: Path) -> None:
    log_of = pytest.importorskip("inspect_ai.log")
    thinker, stub = sorted(runs, key=lambda run: "stub" in run.name)
    for run, arm in ((thinker, "think"), (stub, "self-consistency")):
        folder = exported(run, "inspect", tmp_path / run.name)
        [log] = [
            log
            for info in log_of.list_eval_logs(str(folder))
            if (log := log_of.read_eval_log(info)).eval.task_args["arm"] == arm
        ]
        records = {row.question: row for row in load_run(run).records if row.mode == arm}
        for sample in log.samples:
            record = records[sample.id]
            assert sample.output.usage.output_tokens == record.completion_tokens
            assert (sample.scores["cotbench"].value == "C") is (record.outcome == Outcome.CORRECT)
            assert sample.scores["cotbench"].answer == record.answer
            assert sample.messages[-1].text == sample.output.completion
            calls = [event for event in sample.events if event.event == "model"]
            assert [call.output.choices[0] for call in calls] == sample.output.choices
            [scored] = [event for event in sample.events if event.event == "score"]
            assert scored.score == sample.scores["cotbench"]
            if arm == "think":
                assert sample.output.message.content[0].type == "reasoning"
                assert sample.output.usage.reasoning_tokens == record.reasoning_tokens
            else:
                assert len(sample.output.choices) == 5


def test_lm_eval_knows_our_names_hashes_and_results(runs: list[Path], tmp_path: Path) -> None:
    utils = pytest.importorskip("lm_eval.utils")
    for run in runs:
        folder = exported(run, "lm-eval", tmp_path / run.name)
        files = [str(path) for path in folder.rglob("*") if path.is_file()]
        samples, results = utils.get_sample_results_filenames(files), utils.get_results_filenames(files)
        assert sorted(samples + results) == sorted(files)
        for file in samples:
            name = Path(file).name
            assert utils.get_file_task_name(name) in ("sample", "demo")
            assert f"results_{utils.get_file_datetime(name)}.json" in {
                path.name for path in Path(file).parent.iterdir()
            }
            for line in Path(file).read_text().splitlines():
                row = json.loads(line)
                assert row["doc_hash"] == utils.hash_string(json.dumps(row["doc"], indent=2, ensure_ascii=False))
                assert row["prompt_hash"] == utils.hash_string(row["arguments"]["gen_args_0"]["arg_0"])
        for file in results:
            content = json.loads(Path(file).read_text())
            assert content["model_name_sanitized"] == utils.sanitize_model_name(content["model_name"])
            table = utils.make_table(content)
            cells = {cell.strip() for cell in table.replace("\n", "|").split("|")}
            for task, figures in content["results"].items():
                assert {task, f"{round(figures['exact_match,cotbench'], 4):g}"} <= cells


def test_our_samples_are_of_lm_evals_schema_and_load_as_a_data_set(runs: list[Path], tmp_path: Path) -> None:
    schema = pytest.importorskip("lm_eval.result_schema")
    pydantic = pytest.importorskip("pydantic")
    datasets = pytest.importorskip("datasets")
    check = pydantic.TypeAdapter(schema.SampleResult)
    for run in runs:
        folder = exported(run, "lm-eval", tmp_path / run.name)
        for file in folder.rglob("samples_*.jsonl"):
            rows = [json.loads(line) for line in file.read_text().splitlines()]
            for row in rows:
                check.validate_python(row)
            loaded = datasets.load_dataset(
                "json", data_files=str(file), split="train", cache_dir=str(tmp_path / "cache")
            )
            assert loaded["filtered_resps"] == [row["filtered_resps"] for row in rows]
