"""Logs of other tools become runs: who was asked what is paired by what questions say, and graded here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from logs_made import choices_of, likely_line, lm_eval, lm_eval_line, pair, sums, write_lines

import cotbench
from cotbench.errors import DataError, RunError, UsageError
from cotbench.logs.formats import FORMATS, ReadOptions
from cotbench.runs.importing import ImportOptions, ImportResult, import_logs
from cotbench.runs.rescore import score_run
from cotbench.store.journal import JOURNAL, JournalIndex
from cotbench.store.manifest import read_manifest
from cotbench.store.questions import read_questions
from cotbench.store.records import RECORDS, read_records
from cotbench.store.theirs import read_theirs


def made(folder: Path, *paths: Path, **options: Any) -> ImportResult:
    [result] = import_logs(ImportOptions(paths=paths, **options), folder / "runs")
    return result


def records_of(folder: Path) -> list[Any]:
    manifest = read_manifest(folder)
    return read_records(folder, manifest, *read_questions(folder, manifest))


def refused(kind: type[Exception], folder: Path, *paths: Path, **options: Any) -> str:
    with pytest.raises(kind) as caught:
        made(folder, *paths, **options)
    return str(caught.value)


# --- pairs ----------------------------------------------------------------------------------------------------------


def test_two_logs_are_paired_by_what_questions_say_whatever_their_order(tmp_path: Path) -> None:
    result = made(tmp_path, *pair(tmp_path))
    [task] = result.tasks
    assert (task.name, task.questions, task.pairs, task.kind, task.by_rows) == ("gsm8k", 6, 6, "number", True)
    assert [(arm.mode, arm.accuracy, arm.theirs) for arm in task.arms] == [("direct", 0.5, 0.5), ("cot", 5 / 6, 5 / 6)]
    pairs = cotbench.load(str(result.folder)).pairs("cot")
    assert len(pairs) == 6


def test_questions_have_the_ids_and_golds_of_our_own_runs(tmp_path: Path) -> None:
    from cotbench.questions.data import question_hash, read_row
    from cotbench.questions.tasks import find_task

    result = made(tmp_path, *pair(tmp_path, 1))
    row = read_row(find_task("gsm8k"), sums(1)[0], 1)
    questions, golds = read_questions(result.folder, read_manifest(result.folder))
    identity = f"gsm8k-{question_hash(row.text, row.choices)}"
    assert golds == {identity: row.gold} == {identity: "2"}
    assert questions[identity].text == sums(1)[0]["question"]


def test_the_task_is_told_by_the_data_set_and_called_inferred(tmp_path: Path) -> None:
    imported = read_manifest(made(tmp_path, *pair(tmp_path)).folder).imported
    assert imported is not None
    assert imported.inferred["task gsm8k"] == "by its data set, openai/gsm8k"
    assert "direct, cot" in imported.inferred["arms"]


def test_a_question_of_one_log_only_is_listed_and_is_wrong_nowhere(tmp_path: Path) -> None:
    rows = sums(4)
    first = lm_eval(tmp_path / "a", "t_direct", [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(rows)])
    last = lm_eval(tmp_path / "b", "t_cot", [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(rows[:3])])
    result = made(tmp_path, first, last)
    [task] = result.tasks
    assert (task.questions, task.pairs) == (4, 3)
    lacks = task.arms[1].told.lacks
    assert lacks is not None and lacks.count == 1 and len(lacks.first) == 1
    assert sum(record.mode == "cot" for record in records_of(result.folder)) == 3
    assert task.arms[1].accuracy == 1 / 3


def test_the_same_question_twice_in_a_log_is_refused_with_both_lines(tmp_path: Path) -> None:
    rows = sums(3)
    lines = [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate([*rows, rows[1]])]
    path = lm_eval(tmp_path / "a", "t_cot", lines)
    said = refused(DataError, tmp_path, path)
    assert f"{path}:4: the same question" in said
    assert f"{path}:2" in said
    assert "--repeated-questions" in said


def test_a_data_set_that_holds_a_question_twice_is_imported_where_that_is_said(tmp_path: Path) -> None:
    rows = [*sums(2), sums(1)[0]]
    logs = [
        lm_eval(tmp_path / arm, f"t_{arm}", [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(rows)])
        for arm in ("direct", "cot")
    ]
    result = made(tmp_path, *logs, repeated=True)
    assert (result.tasks[0].questions, result.tasks[0].pairs) == (3, 3)
    assert sum(record.question.endswith("-2") for record in records_of(result.folder)) == 2


def test_importing_again_finds_the_same_folder_and_gives_the_same_records(tmp_path: Path) -> None:
    logs = pair(tmp_path)
    first = made(tmp_path, *logs)
    before = (first.folder / RECORDS).read_bytes()
    second = made(tmp_path, *logs)
    assert second.folder == first.folder
    assert second.again
    assert (second.folder / RECORDS).read_bytes() == before
    assert len(read_manifest(second.folder).sessions) == 2


def test_other_logs_are_another_run(tmp_path: Path) -> None:
    first = made(tmp_path, *pair(tmp_path / "1", 4))
    second = made(tmp_path, *pair(tmp_path / "2", 5))
    assert first.folder != second.folder


def test_logs_of_two_models_are_two_runs(tmp_path: Path) -> None:
    logs = [*pair(tmp_path / "1", model="made/one"), *pair(tmp_path / "2", model="made/two")]
    results = import_logs(ImportOptions(paths=logs, arms=["direct", "cot"] * 2), tmp_path / "runs")
    assert [result.model for result in results] == ["made/one", "made/two"]
    assert len({result.folder for result in results}) == 2


# --- arms -----------------------------------------------------------------------------------------------------------


def test_arms_that_no_name_says_are_asked_for(tmp_path: Path) -> None:
    lines = [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(sums(2))]
    said = refused(UsageError, tmp_path, lm_eval(tmp_path / "a", "gsm8k", lines))
    assert "--as direct,cot" in said


def test_as_many_arms_as_logs(tmp_path: Path) -> None:
    assert "2 logs" in refused(UsageError, tmp_path, *pair(tmp_path), arms=["cot"])


def test_a_method_of_several_replies_is_not_imported(tmp_path: Path) -> None:
    assert "can't be imported" in refused(UsageError, tmp_path, *pair(tmp_path), arms=["direct", "refine"])


def test_an_arm_may_have_a_name_of_its_own(tmp_path: Path) -> None:
    result = made(tmp_path, *pair(tmp_path), arms=["direct", "theirs=cot"])
    assert [arm.mode for arm in result.tasks[0].arms] == ["direct", "theirs"]
    assert score_run(result.folder, 1).changes == ()


# --- readings -------------------------------------------------------------------------------------------------------


def two_filters(folder: Path) -> Path:
    rows = sums(4)
    strict = [lm_eval_line(n, r, f"so {2 * n + 2}.") for n, r in enumerate(rows)]
    strict = [
        {**line, "filtered_resps": ["[invalid]"], "exact_match": 0.0} if n else line for n, line in enumerate(strict)
    ]
    loose = [lm_eval_line(n, r, f"so {2 * n + 2}.", filter="flexible-extract") for n, r in enumerate(rows)]
    figures = {"exact_match,strict-match": 0.25, "exact_match,flexible-extract": 1.0}
    return lm_eval(folder, "gsm8k_cot", [*strict, *loose], figures=figures)


def test_two_filters_are_two_readings_of_one_output(tmp_path: Path) -> None:
    result = made(tmp_path, two_filters(tmp_path / "a"))
    manifest = read_manifest(result.folder)
    questions, _ = read_questions(result.folder, manifest)
    rows = read_theirs(result.folder, manifest, questions)
    assert len(rows) == len(questions) == 4
    assert all(set(row.readings) == {"strict-match", "flexible-extract"} for row in rows.values())
    [arm] = result.tasks[0].arms
    assert (arm.told.reading, arm.theirs, arm.printed, arm.accuracy) == ("strict-match", 0.25, 0.25, 1.0)


def test_another_reading_is_set_beside_ours_where_it_is_named(tmp_path: Path) -> None:
    path = two_filters(tmp_path / "a")
    assert made(tmp_path, path, reading="flexible-extract").tasks[0].arms[0].theirs == 1.0
    assert "It has: strict-match, flexible-extract" in refused(DataError, tmp_path, path, reading="loose")


def test_filters_doc_by_doc_are_read_like_filters_one_after_the_other(tmp_path: Path) -> None:
    path = two_filters(tmp_path / "a")
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    write_lines(path, sorted(lines, key=lambda line: line["doc_id"]))
    assert made(tmp_path, path).tasks[0].arms[0].theirs == 0.25


def test_answers_without_verdicts_are_graded_here(tmp_path: Path) -> None:
    lines = [
        {"id": n, "prompt": r["question"], "target": str(2 * n + 2), "completion": f"It is {2 * n + 2}.", "read": read}
        for n, (r, read) in enumerate(zip(sums(3), ["2", "[invalid]", "about 6 or so"], strict=True))
    ]
    path = write_lines(tmp_path / "a.jsonl", lines)
    fields = {"question": "prompt", "gold": "target", "output": "completion", "answer": "read"}
    [arm] = made(tmp_path, path, arms=["cot"], fields=fields, answer_pattern=r"\d+").tasks[0].arms
    assert (arm.theirs, arm.accuracy) == (2 / 3, 1.0)


def test_an_answer_that_is_a_sentence_or_off_by_a_floats_error_is_what_was_meant(tmp_path: Path) -> None:
    told = ["So, in all, that is 1 + 1 = $2", "4.000000000000001", "6.01", "[invalid]"]
    lines = [
        {"id": n, "question": row["question"], "gold": str(2 * n + 2), "output": "The answer is 2.", "answer": answer}
        for n, (row, answer) in enumerate(zip(sums(4), told, strict=True))
    ]
    fields = {part: part for part in ("id", "question", "gold", "output", "answer")}
    [task] = made(tmp_path, write_lines(tmp_path / "a-3.5_cot.jsonl", lines), arms=["cot"], fields=fields).tasks
    assert (task.arms[0].theirs, task.name) == (0.5, "a-3.5")


# --- repeats --------------------------------------------------------------------------------------------------------


def repeated_outputs(folder: Path) -> Path:
    answers = [["The answer is 2.", "The answer is 3.", "The answer is 3."], ["The answer is 4."] * 3]
    return lm_eval(folder, "gsm8k_cot", [lm_eval_line(n, r, answers[n]) for n, r in enumerate(sums(2))])


def test_repeats_vote(tmp_path: Path) -> None:
    result = made(tmp_path, repeated_outputs(tmp_path / "a"), arms=["self-consistency"])
    assert [record.answer for record in records_of(result.folder)] == ["3", "4"]
    assert result.tasks[0].arms[0].accuracy == 0.5
    assert score_run(result.folder, 1).changes == ()


def test_under_one_path_the_first_output_counts_and_that_is_said(tmp_path: Path) -> None:
    result = made(tmp_path, repeated_outputs(tmp_path / "a"), arms=["cot"])
    assert result.tasks[0].arms[0].accuracy == 1.0
    assert result.tasks[0].arms[0].told.left_out == 4
    assert any("4 repeats are left out" in note for note in result.notes)


# --- multiple choice by likelihood ----------------------------------------------------------------------------------


@pytest.mark.parametrize("old", [False, True])
def test_options_by_likelihood_have_letters_and_probabilities(tmp_path: Path, old: bool) -> None:
    likely = [(-3.0, -1.0, -9.0), (-1.0, -2.0, -4.5)]
    lines = [likely_line(n, r, one, old=old) for n, (r, one) in enumerate(zip(choices_of(2), likely, strict=True))]
    path = lm_eval(tmp_path / "a", "arc_easy", lines, output_type="multiple_choice", dataset_path="made/arc")
    result = made(tmp_path, path, arms=["direct"])
    [arm] = result.tasks[0].arms
    assert result.tasks[0].kind == "letter"
    assert (arm.accuracy, arm.theirs, arm.told.likelihoods) == (0.5, 0.5, True)
    assert [record.answer for record in records_of(result.folder)] == ["B", "A"]
    [row, _] = JournalIndex(result.folder / JOURNAL)
    assert row.completions[0].options == {"A": -3.0, "B": -1.0, "C": -9.0}
    assert "finish_reason" not in arm.told.not_recorded
    assert set(arm.told.readings) == {"acc", "acc_norm"}


# --- what isn't recorded --------------------------------------------------------------------------------------------


def test_what_a_log_does_not_say_is_named_and_never_zero(tmp_path: Path) -> None:
    result = made(tmp_path, *pair(tmp_path))
    told = result.tasks[0].arms[0].told
    assert {"completion_tokens", "prompt_tokens", "finish_reason", "thought"} <= set(told.not_recorded)
    assert not {"max_tokens", "temperature", "prompt", "shots"} & set(told.not_recorded)
    assert all(record.completion_tokens is None for record in records_of(result.folder))


def test_without_results_beside_it_a_log_says_less(tmp_path: Path) -> None:
    result = made(tmp_path, *pair(tmp_path, results=False))
    told = result.tasks[0].arms[0].told
    assert result.model == "unknown-model"
    assert "shots" in told.not_recorded
    assert any("no results" in note for note in told.notes)
    assert result.tasks[0].kind == "number"
    assert "from the right answers" in result.inferred["answers of gsm8k"]


def test_an_output_that_is_missing_is_no_wrong_answer(tmp_path: Path) -> None:
    lines = [
        {"id": n, "question": r["question"], "gold": "2", "output": None if n else "The answer is 2."}
        for n, r in enumerate(sums(2))
    ]
    [arm] = made(tmp_path, write_lines(tmp_path / "a.jsonl", lines), arms=["cot"]).tasks[0].arms
    assert (arm.accuracy, arm.failed) == (1.0, 1)


def test_a_packed_log_is_the_same_log(tmp_path: Path) -> None:
    result = made(tmp_path, *pair(tmp_path, packed=True))
    assert [arm.theirs for arm in result.tasks[0].arms] == [0.5, 5 / 6]


def test_an_output_with_all_its_tokens_was_cut_and_that_is_called_inferred(tmp_path: Path) -> None:
    from cotbench.logs import Log, Sample
    from cotbench.modes import MODES
    from cotbench.runs.import_arms import ArmLogs
    from cotbench.runs.import_manifest import _ends_inferred
    from cotbench.runs.import_run import ArmFacts, _cut
    from cotbench.types import Completion

    log = Log(path=tmp_path, format="lm-eval", sampling={"max_tokens": 5}, samples=lambda _=None: iter(()))
    arm = ArmFacts(logs=ArmLogs(mode=MODES["cot"], logs=(log,)))
    paths = [Completion(text="x", finish_reason="stop", completion_tokens=count) for count in (5, 4)]
    for path in paths:
        arm.take(log, Sample(place="p", outputs=(path,)))
    assert [_cut(path, log).finish_reason for path in paths] == ["length", "stop"]
    assert "1 outputs" in _ends_inferred(arm)["finish_reason"]


# --- broken lines ---------------------------------------------------------------------------------------------------


def broken(folder: Path) -> Path:
    path = lm_eval(folder, "gsm8k_cot", [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(sums(3))])
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], lines[1][:40], lines[2]]) + "\n")
    return path


def test_a_broken_line_ends_the_import_with_its_place(tmp_path: Path) -> None:
    path = broken(tmp_path / "a")
    said = refused(DataError, tmp_path, path)
    assert f"{path}:2: not valid JSON" in said
    assert "--skip-broken" in said


def test_broken_lines_are_passed_over_where_that_is_asked_for_and_counted(tmp_path: Path) -> None:
    path = broken(tmp_path / "a")
    result = made(tmp_path, path, skip_broken=True)
    assert len(result.broken) == 1
    assert f"{path}:2" in result.broken[0]
    assert result.tasks[0].questions == 2
    imported = read_manifest(result.folder).imported
    assert imported is not None and len(imported.broken) == 1


def test_a_line_without_what_a_sample_needs_is_broken(tmp_path: Path) -> None:
    lines = [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(sums(2))]
    del lines[1]["resps"]
    assert "'resps' is missing" in refused(DataError, tmp_path, lm_eval(tmp_path / "a", "gsm8k_cot", lines))


def places(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before] * bool(before) + [one for key, each in inner for one in places(each, (*before, key))]


@pytest.mark.parametrize("wrong", [None, -1, True, "", [], {}, {"a": 1}, ["a", None], [["x"]], [["-inf", "True"]]])
def test_whatever_stands_in_a_line_it_is_read_or_named(tmp_path: Path, wrong: Any) -> None:
    line = lm_eval_line(0, sums(1)[0], "The answer is 2.")
    likely = likely_line(0, choices_of(1)[0], (-1.0, -2.0, -3.0))
    read = FORMATS["lm-eval"].read
    for number, whole in enumerate((line, likely)):
        for place in places(whole):
            changed = json.loads(json.dumps(whole))
            inner = changed
            for key in place[:-1]:
                inner = inner[key]
            inner[place[-1]] = wrong
            path = write_lines(tmp_path / f"samples_t_{number}.jsonl", [whole, changed])
            faults: list[Exception] = []
            [log] = read(path, ReadOptions())
            samples = list(log.samples(faults.append))
            assert len(samples) + len(faults) >= 1
            assert all(isinstance(fault, DataError) and f"{path}:2" in str(fault) for fault in faults)


# --- JSON lines of any form -----------------------------------------------------------------------------------------


def test_a_key_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "t_cot.jsonl", [{"ask": "2 + 2?", "sol": "4", "said": "Answer: 4"}])
    fields = {"question": "ask", "gold": "sole", "output": "said"}
    said = refused(DataError, tmp_path, path, arms=["cot"], fields=fields)
    assert f"{path}:1: the key 'sole' (gold) is missing; --field names another one (there are ask, sol, said)" in said


def test_questions_and_outputs_in_two_files_are_joined_by_id(tmp_path: Path) -> None:
    questions = write_lines(tmp_path / "data.jsonl", [{"id": n, **r} for n, r in enumerate(sums(3))])
    outputs = [{"id": n, "answer": "x", "completion": f"The answer is {2 * n + 2}."} for n in (2, 0, 1)]
    path = write_lines(tmp_path / "out.jsonl", outputs)
    result = made(tmp_path, path, arms=["cot"], questions=str(questions), task="gsm8k")
    assert result.tasks[0].by_rows
    assert result.tasks[0].arms[0].accuracy == 1.0


def test_an_id_that_no_question_has_is_named(tmp_path: Path) -> None:
    questions = write_lines(tmp_path / "data.jsonl", [{"id": n, **r} for n, r in enumerate(sums(1))])
    path = write_lines(tmp_path / "out.jsonl", [{"id": 7, "completion": "2"}])
    assert "its id is 7" in refused(DataError, tmp_path, path, arms=["cot"], questions=str(questions))


def test_paths_reach_into_objects_and_lists_are_repeats(tmp_path: Path) -> None:
    lines = [
        {"in": {"q": r["question"]}, "ref": "2", "choices": [], "out": [{"text": "2"}], "all": ["2", "3", "2"]}
        for r in sums(1)
    ]
    path = write_lines(tmp_path / "a.jsonl", lines)
    fields = {"question": "in.q", "gold": "ref", "output": "out.0.text"}
    assert made(tmp_path, path, arms=["cot"], fields=fields).tasks[0].arms[0].accuracy == 1.0
    votes = made(tmp_path, path, arms=["self-consistency"], fields={**fields, "output": "all"})
    assert records_of(votes.folder)[0].votes.margin == 1


def test_a_key_that_is_not_said_and_not_there_is_asked_for(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [{"q": "?", "a": "1"}])
    assert "It has: q, a" in refused(UsageError, tmp_path, path, arms=["cot"])


@pytest.mark.parametrize(
    ("golds", "kind"),
    [
        (["1", "2.5", "1,000"], "number"),
        (["yes", "No", "true"], "boolean"),
        (["A", "(B)", "C"], "letter"),
        (["\\frac{1}{2}", "3", "x^2"], "latex"),
        (["Paris", "3", "a dog"], "text"),
        (["reasons\n#### 3", "and\n#### 1,200", "so\n#### -4"], "number"),
    ],
)
def test_the_kind_of_answers_is_told_by_the_right_ones(tmp_path: Path, golds: list[str], kind: str) -> None:
    lines = [{"question": f"Which one is number {n} here?", "gold": g, "output": "-"} for n, g in enumerate(golds)]
    assert made(tmp_path, write_lines(tmp_path / "a.jsonl", lines), arms=["cot"]).tasks[0].kind == kind


def test_options_that_stand_in_the_question_are_found(tmp_path: Path) -> None:
    lines = [
        {
            "question": f"Which is {n}?\n(A) one of them\n(B) none\n(C) all",
            "gold": "(B)",
            "output": "The answer is (B).",
        }
        for n in range(2)
    ]
    result = made(tmp_path, write_lines(tmp_path / "a.jsonl", lines), arms=["cot"])
    questions, golds = read_questions(result.folder, read_manifest(result.folder))
    assert all(question.choices == ("one of them", "none", "all") for question in questions.values())
    assert set(golds.values()) == {"B"}
    assert result.tasks[0].arms[0].accuracy == 1.0


# --- programs -------------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_programs_call_their_studys_functions_from_the_prelude(tmp_path: Path) -> None:
    lines = [
        {"question": f"What is the double of {n}?", "gold": str(2 * n), "output": f"x = {n}\nans = doubled(x)"}
        for n in range(1, 3)
    ]
    path = write_lines(tmp_path / "a.jsonl", lines)
    prelude = tmp_path / "helpers.py"
    prelude.write_text("def doubled(x):\n    return 2 * x\n\n\nans = 'of the prelude'\n")
    assert made(tmp_path, path, arms=["pal"]).tasks[0].arms[0].accuracy == 0.0
    result = made(tmp_path, path, arms=["pal"], prelude=prelude)
    assert result.tasks[0].arms[0].accuracy == 1.0
    imported = read_manifest(result.folder).imported
    assert imported is not None and imported.prelude is not None
    assert (imported.prelude.name, imported.prelude.text) == ("helpers.py", prelude.read_text())
    assert score_run(result.folder, 1).changes == ()


def test_a_prelude_that_is_no_python_is_refused(tmp_path: Path) -> None:
    prelude = tmp_path / "helpers.py"
    prelude.write_text("def f(:\n")
    assert "helpers.py:1: not Python" in refused(UsageError, tmp_path, *pair(tmp_path), prelude=prelude)


# --- differences of arms --------------------------------------------------------------------------------------------


def test_what_arms_of_logs_differ_in_is_told(tmp_path: Path, main: Any) -> None:
    rows = sums(4)
    first = [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(rows)]
    last = [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(rows)]
    for line in last:
        line["arguments"]["gen_args_0"]["arg_1"] |= {"max_gen_toks": 512, "temperature": 0.5, "do_sample": True}
    logs = [
        lm_eval(tmp_path / "a", "gsm8k_direct", first),
        lm_eval(tmp_path / "b", "gsm8k_cot", last, shots=8, doc_to_text="Q: {{question}}\nA: Think."),
    ]
    folder = made(tmp_path, *logs).folder
    main("report", str(folder), "--quiet", "--no-page", "--no-plots")
    told = json.loads((folder / "report" / "report.json").read_text())
    text = json.dumps(told["unsaid"])
    for wanted in ("max_tokens", "temperature", "exemplars", "template"):
        assert wanted in text


# --- formats --------------------------------------------------------------------------------------------------------


def test_a_folder_of_several_logs_is_several_arms(tmp_path: Path) -> None:
    pair(tmp_path / "logs")
    result = made(tmp_path, tmp_path / "logs")
    assert [arm.mode for arm in result.tasks[0].arms] == ["direct", "cot"]


def test_two_logs_of_one_task_in_a_folder_are_not_guessed_between(tmp_path: Path) -> None:
    lines = [lm_eval_line(n, r, "The answer is 2.") for n, r in enumerate(sums(1))]
    lm_eval(tmp_path / "a", "gsm8k_cot", lines)
    write_lines(tmp_path / "a" / "samples_gsm8k_cot_2026-03-03T04-05-06.789012.jsonl", lines)
    assert "holds two logs of gsm8k_cot" in refused(DataError, tmp_path, tmp_path / "a")


def test_formats_tell_themselves(tmp_path: Path) -> None:
    log = lm_eval(tmp_path / "a", "gsm8k_cot", [lm_eval_line(0, sums(1)[0], "The answer is 2.")])
    other = write_lines(tmp_path / "b.jsonl", [{"x": 1}])
    assert FORMATS["lm-eval"].tells(log) and FORMATS["lm-eval"].tells(tmp_path / "a")
    assert not FORMATS["lm-eval"].tells(other)
    [read] = FORMATS["lm-eval"].read(log, ReadOptions())
    assert (read.model, read.revision, read.version, read.shots) == ("made/tiny", "abc123", "0.4.9", 0)
    assert read.sampling == {"temperature": 0.0, "max_tokens": 64, "stop": ["\n\n"], "n": 1}


def test_what_is_no_log_says_which_formats_are_known(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("words")
    assert "lm-eval" in refused(DataError, tmp_path, path, arms=["cot"])


# --- the command ----------------------------------------------------------------------------------------------------


def test_the_command_says_what_it_made_and_what_comes_next(tmp_path: Path, main: Any) -> None:
    found = main("import", *pair(tmp_path), "--as", "direct,cot", "-o", "runs")
    assert found.code == 0, found.err
    for wanted in ("lm-eval 0.4.9", "6 questions stand under all arms", "Not recorded", "cotbench report runs/tiny-"):
        assert wanted in found.out
    assert max(map(len, found.out.splitlines())) <= 100


def test_which_of_the_tools_readings_is_set_beside_ours_is_said_with_the_reason(tmp_path: Path, main: Any) -> None:
    rows = list(enumerate(sums(2)))
    lines = [lm_eval_line(n, r, "so 2.", filter=name) for name in ("strict-match", "flexible-extract") for n, r in rows]
    log = lm_eval(tmp_path / "a", "t_cot", lines)
    by_default = " ".join(main("import", log).out.split())
    assert "the strictest (--filter takes another: flexible-extract)" in by_default
    asked = " ".join(main("import", log, "--filter", "flexible-extract").out.split())
    assert "by their reading flexible-extract, as --filter says; others: strict-match." in asked
    assert "strictest" not in asked


def test_the_command_prints_json(tmp_path: Path, main: Any) -> None:
    found = main("import", *pair(tmp_path), "--json")
    [run] = json.loads(found.out)
    assert [arm["accuracy"] for arm in run["tasks"][0]["arms"]] == [0.5, 5 / 6]
    assert (tmp_path / run["folder"] / "manifest.json").is_file()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--as", "direct,nothing"], 2, "there is no mode 'nothing'"),
        (["--kind", "colour"], 2, "--kind"),
        (["--format", "tape"], 2, "there is no format 'tape'"),
        (["--field", "question"], 2, "expected PART=KEY"),
        (["--filter", "loose"], 3, "has no reading 'loose'"),
        (["--task", "no-such-task"], 2, "there is no task"),
    ],
)
def test_mistakes_have_a_message_and_a_code(tmp_path: Path, main: Any, words: list[str], code: int, said: str) -> None:
    found = main("import", *pair(tmp_path), *words)
    assert (found.code, said in found.err) == (code, True), found.err


def test_a_log_that_is_not_there(tmp_path: Path, main: Any) -> None:
    found = main("import", "nowhere.jsonl", "--as", "cot")
    assert (found.code, "there is no such file" in found.err) == (3, True)


def test_a_broken_line_has_the_code_of_data(tmp_path: Path, main: Any) -> None:
    assert main("import", broken(tmp_path / "a")).code == 3
    found = main("import", broken(tmp_path / "a"), "--skip-broken")
    assert found.code == 0
    assert "1 lines can't be read" in found.out or "1 line can't be read" in found.out


def test_an_imported_run_is_neither_resumed_nor_run_again(tmp_path: Path, main: Any) -> None:
    folder = made(tmp_path, *pair(tmp_path)).folder
    for command in (["run", "--resume"], ["reproduce"]):
        found = main(*command, str(folder))
        assert found.code == 3
        assert "was made of logs" in found.err


def test_questions_of_an_imported_run_are_shown(tmp_path: Path, main: Any) -> None:
    folder = made(tmp_path, *pair(tmp_path)).folder
    identity = next(iter(read_questions(folder, read_manifest(folder))[0]))
    found = main("show", str(folder), identity)
    assert found.code == 0
    assert "Ola has" in found.out


# --- without a loop -------------------------------------------------------------------------------------------------


@pytest.mark.patient
def test_records_made_at_once_are_those_of_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outputs = ["The answer is 2.", "4", "I can't say.", "", "It is 9 or 10.", "Answer: 12. Wait, let me redo"]
    lines = [lm_eval_line(n, r, one) for n, (r, one) in enumerate(zip(sums(6), outputs, strict=True))]
    lines[3]["resps"] = [[None]]
    likely = [likely_line(n, r, (-3.0, -1.0, -9.0)) for n, r in enumerate(choices_of(3))]
    formulas = [{"question": f"What is {n}?", "gold": "x+1", "output": r"So \boxed{1+x}."} for n in range(3)]
    logs = [
        lm_eval(tmp_path / "a", "gsm8k_cot", lines),
        lm_eval(tmp_path / "b", "arc_easy", likely, output_type="multiple_choice", dataset_path="made/arc"),
        write_lines(tmp_path / "c.jsonl", formulas),
    ]
    kinds = {"a": {"arms": ["cot"]}, "b": {"arms": ["direct"]}, "c": {"arms": ["cot"], "kind": "latex"}}

    def records() -> list[bytes]:
        made_of = zip(logs, kinds.values(), strict=True)
        return [(made(tmp_path, path, **options).folder / RECORDS).read_bytes() for path, options in made_of]

    at_once = records()
    monkeypatch.setattr("cotbench.runs.import_records.read_at_once", lambda *_: None)
    assert records() == at_once


# --- logs that don't fit each other ---------------------------------------------------------------------------------


def _two(folder: Path, **changes: Any) -> tuple[Path, Path]:
    """Logs of a data set that is none of our tasks; in the second one's second line keys have other values."""
    lines = [lm_eval_line(n, row, "The answer is 2.") for n, row in enumerate(sums(3))]
    first = lm_eval(folder / "a", "t_direct", lines, dataset_path="made/sums")
    lines[1] |= changes
    return first, lm_eval(folder / "b", "t_cot", lines, dataset_path="made/sums")


def test_rows_that_differ_are_not_paired_by_an_equal_hash(tmp_path: Path) -> None:
    other = {"question": "What is the capital of the country?", "answer": "#### 4"}
    logs = _two(tmp_path, doc=other)
    said = refused(DataError, tmp_path, *logs)
    assert f"{logs[1]}:2: its hash is that of {logs[0]}:2, and its row of data is another one" in said
    [task] = made(tmp_path, *logs, skip_broken=True).tasks
    assert (task.questions, task.pairs) == (3, 2)


def test_right_answers_that_differ_for_one_row_are_refused(tmp_path: Path) -> None:
    logs = _two(tmp_path, target="#### 77")
    said = refused(DataError, tmp_path, *logs)
    assert f"{logs[1]}:2: the right answer is '77', and that of {logs[0]}:2 '4'" in said
    [task] = made(tmp_path, *logs, skip_broken=True).tasks
    assert (task.questions, task.pairs) == (3, 2)


@pytest.mark.parametrize("target", ["4", "4.0", "#### 4"])
def test_a_right_answer_in_other_words_is_the_same_one(tmp_path: Path, target: str) -> None:
    [task] = made(tmp_path, *_two(tmp_path, target=target)).tasks
    assert task.pairs == 3


def test_a_log_that_is_named_twice_is_refused(tmp_path: Path) -> None:
    first, _ = pair(tmp_path, 2)
    assert f"{first}: is named twice." in refused(UsageError, tmp_path, first, first, arms=("direct", "cot"))


def test_a_log_without_a_sample_is_refused_and_so_is_an_empty_one(tmp_path: Path) -> None:
    first, last = pair(tmp_path, 2)
    last.write_text(json.dumps({**lm_eval_line(0, sums(1)[0], "It is 2."), "resps": 5}) + "\n")
    said = refused(DataError, tmp_path, first, last, skip_broken=True, arms=("direct", "cot"))
    assert f"{last}: there is no sample in it" in said
    assert f"{last}:1: resps is 5" in said  # why
    last.write_text("")
    assert f"{last}: is empty" in refused(DataError, tmp_path, first, last)


@pytest.mark.parametrize("arms", [("direct", "direct=cot"), ("cot=direct", "direct=cot"), ("a=direct", "a=cot")])
def test_an_arm_goes_by_no_name_that_another_has(tmp_path: Path, arms: tuple[str, ...]) -> None:
    assert "--as" in refused(UsageError, tmp_path, *pair(tmp_path, 2), arms=arms)


@pytest.mark.parametrize("changes", [{"filter": 5}, {"zz": {"filter": "q"}}, {"filter": None}])
def test_a_filter_of_any_name_loses_no_sample(tmp_path: Path, changes: dict[str, Any]) -> None:
    lines = [{**lm_eval_line(n, row, "It is 2."), **changes} for n, row in enumerate(sums(2))]
    [task] = made(tmp_path, pair(tmp_path, 2)[0], lm_eval(tmp_path / "c", "t_cot", lines)).tasks
    assert task.pairs == 2


def test_a_filter_is_set_beside_the_output_that_it_read(tmp_path: Path) -> None:
    """Two samples with one number aren't one: a log may be put together of several."""
    lines = [
        {**lm_eval_line(0, row, f"It is {n}."), "filter": name}
        for n, row in enumerate(sums(2))
        for name in ("strict-match", "flexible-extract")
    ]
    result = made(tmp_path, lm_eval(tmp_path, "t_cot", lines))
    manifest = read_manifest(result.folder)
    theirs = read_theirs(result.folder, manifest, read_questions(result.folder, manifest)[0])
    readings = {row.place.rpartition(":")[2]: row.readings for row in theirs.values()}
    assert [readings[line]["flexible-extract"].answers for line in ("1", "3")] == [("0",), ("1",)]
    differ = [*lines[:3], {**lines[3], "resps": [["Another output."]]}]
    said = refused(DataError, tmp_path, lm_eval(tmp_path / "b", "t_cot", differ))
    assert ":4: the same question" in said


def test_nan_in_a_line_is_not_recorded(tmp_path: Path) -> None:
    first, last = _two(tmp_path, exact_match=float("nan"))
    [task] = made(tmp_path, first, last).tasks
    assert (task.pairs, task.arms[1].theirs) == (3, 0.5)


def test_a_name_that_no_folder_can_have_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="can't be written: embedded null byte"):
        import_logs(ImportOptions(paths=pair(tmp_path, 2)), tmp_path / "a\0b")


def test_an_index_and_a_letter_are_the_same_right_answer(tmp_path: Path) -> None:
    """A log by likelihood says the letter's place, one of texts may say the letter."""
    rows = choices_of(2)
    likely = [likely_line(n, row, [-3.0, -1.0, -2.0]) for n, row in enumerate(rows)]
    told = [
        {**line, "resps": [["The answer is (B)."]], "target": target, "filter": "f"}
        for line, target in zip(likely, ("B", "1"), strict=True)
    ]
    first = lm_eval(tmp_path / "a", "arc_direct", likely, output_type="multiple_choice", dataset_path="made/mc")
    last = lm_eval(tmp_path / "b", "arc_cot", told, dataset_path="made/mc")
    [task] = made(tmp_path, first, last).tasks
    assert (task.questions, task.pairs) == (2, 2)
    assert [arm.accuracy for arm in task.arms] == [1.0, 1.0]


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    assert "can't be written: Not a directory" in refused(RunError, tmp_path, *pair(tmp_path, 2))


@pytest.mark.parametrize("text", ["open('/etc/passwd').read()", "1 / 0"])
def test_a_prelude_that_fails_is_refused_and_no_program_is_called_wrong(tmp_path: Path, text: str) -> None:
    first, _ = pair(tmp_path, 2)
    prelude = tmp_path / "before.py"
    prelude.write_text(text)
    said = refused(UsageError, tmp_path, first, arms=("pal",), prelude=prelude)
    assert said.startswith("--program-prelude: before.py doesn't run to its end: ")
    assert not (tmp_path / "runs").exists()
