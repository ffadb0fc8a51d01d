"""Tasks of others, with the packages themselves: lm-evaluation-harness and Inspect, where they are installed.

`.ci/run` has an environment for these tests; `tests/test_others.py` asks stand-ins, everywhere."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from conftest import Cli

from cotbench.errors import CotbenchError, TaskError
from cotbench.questions.data import TaskData, load_data
from cotbench.questions.tasks import find_task


@pytest.fixture
def lm_eval() -> None:
    pytest.importorskip("lm_eval")


@pytest.fixture
def inspect_ai() -> None:
    pytest.importorskip("inspect_ai")


def loaded(asked: str, data_dir: Path | None = None) -> TaskData:
    return load_data(find_task(asked, None, data_dir))


# --- lm-eval, rows of ours ----------------------------------------------------------------------------------------

OPTIONS = [["sails", "rows", "waits"], ["sails", "waits", "rows"], ["rows", "sails", "waits"]]
BOATS = [{"boat": f"Boat {n}", "options": OPTIONS[n % 3], "label": n % 3} for n in range(12)]

WRITTEN = {
    "letters": """
task: letters
output_type: multiple_choice
description: "The following are questions about boats.\\n\\n"
doc_to_text: "Question: What does {{boat}} do?\\nA. {{options[0]}}\\nB. {{options[1]}}\\nC. {{options[2]}}\\nAnswer:"
doc_to_choice: ["A", "B", "C"]
doc_to_target: label
num_fewshot: 5
fewshot_split: train
""",
    "texts": """
task: texts
output_type: multiple_choice
doc_to_text: "Q: What does {{boat}} do?\\nA:"
doc_to_choice: "{{options}}"
doc_to_target: "{{options[label]}}"
""",
    "numbers": """
task: numbers
output_type: generate_until
doc_to_text: "Question: How many oars has {{boat}}?\\nAnswer: Let's think step by step."
doc_to_target: "Two for each rower.\\n#### {{label * 2 + 1000}}"
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
filter_list: [{name: strict, filter: [{function: regex, regex_pattern: "x"}, {function: take_first}]}]
""",
    "intervals": """
task: intervals
output_type: generate_until
doc_to_text: "Which numbers are {{boat}}'s?"
doc_to_target: "{% if label %}[{{label}}, 7]{% else %}[0, \\\\infty){% endif %}"
""",
    "process": """
task: process
output_type: generate_until
process_docs: !function beside.process_docs
doc_to_text: !function beside.doc_to_text
doc_to_target: "{{names}}"
""",
    "wording": """
task: wording
output_type: generate_until
doc_to_text: "{{boat}}"
doc_to_target: "{{boat}}"
metric_list: [{metric: bleu}, {metric: chrf}]
""",
    "rolling": """
task: rolling
output_type: loglikelihood_rolling
doc_to_text: ""
doc_to_target: "{{boat}}"
""",
}
GROUP = """
group: harbour
task: [letters, numbers]
"""
BESIDE = """
def process_docs(rows):
    return rows.filter(lambda row: row["label"]).map(lambda row: {"names": [row["boat"], row["boat"].upper()]})


def doc_to_text(row):
    return f"Which boat has the options {', '.join(row['options'])}?"
"""


@pytest.fixture
def yaml(lm_eval: None, tmp_path: Path) -> Path:
    """A folder with task files of lm-eval's kind."""
    (tmp_path / "boats.jsonl").write_text("\n".join(map(json.dumps, BOATS)))
    source = f"dataset_path: json\ndataset_kwargs: {{data_files: {{test: {tmp_path / 'boats.jsonl'}}}}}\n"
    for name, text in WRITTEN.items():
        (tmp_path / f"{name}.yaml").write_text(f"{text}test_split: test\n{source}metadata: {{version: 2.5}}\n")
    (tmp_path / "harbour.yaml").write_text(GROUP)
    (tmp_path / "beside.py").write_text(BESIDE)
    return tmp_path


def test_listed_options_are_options_and_labels_are_letters(yaml: Path) -> None:
    data = loaded(f"lm-eval:{yaml / 'letters.yaml'}")
    assert data.task.kinds == ("letter",)
    assert [(q.text, list(q.choices), data.golds[q.id]) for q in data.questions] == [
        (f"What does {row['boat']} do?", row["options"], "ABC"[int(str(row["label"]))]) for row in BOATS
    ]
    assert data.file.taken["task_version"] == "2.5"
    assert "its description, 'The following are questions about boats.'" in data.file.note


def test_options_may_be_texts_and_gold_one_of_them(yaml: Path) -> None:
    data = loaded(f"lm-eval:{yaml / 'texts.yaml'}")
    assert [(q.text, data.golds[q.id]) for q in data.questions[:2]] == [
        ("What does Boat 0 do?", "A"),
        ("What does Boat 1 do?", "B"),
    ]


def test_numbers_are_read_behind_their_marks_and_nobody_is_told_to_think(yaml: Path) -> None:
    data = loaded(f"lm-eval:{yaml / 'numbers.yaml'}")
    assert data.task.kinds == ("number",)
    first = data.questions[0]
    assert (first.text, data.golds[first.id]) == ("How many oars has Boat 0?", "1000")


def test_an_interval_is_one_answer(yaml: Path) -> None:
    data = loaded(f"lm-eval:{yaml / 'intervals.yaml'}")
    assert data.task.kinds == ("latex",)
    assert [data.golds[q.id] for q in data.questions[:2]] == ["[0, \\infty)", "[1, 7]"]


def test_functions_of_a_task_are_run_by_its_package(yaml: Path) -> None:
    data = loaded(f"lm-eval:{yaml / 'process.yaml'}")
    assert data.task.kinds == ("text",)
    assert len(data.questions) == 8
    assert data.golds[data.questions[0].id] == "Boat 1\nBOAT 1"


@pytest.mark.parametrize(("name", "reason"), [("wording", "bleu, chrf"), ("rolling", "loglikelihood_rolling")])
def test_tasks_that_ask_otherwise_are_refused_by_name(yaml: Path, name: str, reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        loaded(f"lm-eval:{yaml / name}.yaml")


def test_a_group_of_several_kinds_is_one_task(yaml: Path) -> None:
    data = loaded(f"lm-eval:{yaml / 'harbour.yaml'}")
    assert Counter((q.group, data.kind_of(q)) for q in data.questions) == {
        ("letters", "letter"): 12,
        ("numbers", "number"): 12,
    }


def test_a_run_is_asked_gone_on_with_graded_again_and_reported(yaml: Path, main: Cli) -> None:
    task = f"lm-eval:{yaml / 'letters.yaml'}"
    done = main("run", "--model", "stub", "--task", task, "--mode", "direct,cot", "--json")
    assert done.code == 0, done.err
    assert json.loads(done.out), "nothing of lm-eval's is printed between"
    [run] = (yaml / "results").glob("stub-*")
    for command in (("run", "--resume", run), ("score", run), ("report", run), ("reproduce", run, "--check")):
        again = main(*command)
        assert again.code == 0, again.err


def test_what_of_lm_eval_can_be_taken_over_is_told_by_its_configuration(lm_eval: None) -> None:
    from cotbench.questions.others.of_lm_eval import _index, refusal

    index = _index(None, with_its_own=True).task_index
    asked = {name: entry.cfg for name, entry in index.items() if entry.kind.name in ("TASK", "PY_TASK")}
    refused = Counter(refusal(config).partition(" (")[0] for config in asked.values())
    taken = refused.pop("")
    assert taken > 0.8 * len(asked) > 8_000, refused
    for name in ("gsm8k", "arc_easy", "mmlu_anatomy", "hellaswag", "drop", "triviaqa", "hendrycks_math_algebra"):
        assert refusal(asked[name]) == "", name
    for name in ("wikitext", "lambada_openai", "humaneval", "wmt16-ro-en", "truthfulqa_mc2", "mmmu_val_art"):
        assert refusal(asked[name]), name


# --- lm-eval, the real rows ---------------------------------------------------------------------------------------

REAL = {
    "gsm8k": ("number", 1319),
    "gsm8k_cot_llama": ("number", 1319),
    "arc_easy": ("letter", 2376),
    "arc_challenge_chat": ("letter", 1172),
    "commonsense_qa": ("letter", 1221),
    "winogrande": ("letter", 1267),
    "mmlu_anatomy": ("letter", 135),
    "mmlu_anatomy_generative": ("letter", 135),
    "agieval_lsat_ar": ("letter", 230),
    "agieval_gaokao_physics": ("letters", 200),
    "leaderboard_musr_object_placements": ("letter", 256),
    "hendrycks_math500": ("latex", 500),
    "aime25": ("number", 30),
    "gsm_plus_mini": ("number-or-none", 2400),
}


@pytest.mark.data
@pytest.mark.parametrize("name", REAL)
def test_real_tasks_are_taken_over_whole(lm_eval: None, data_dir: Path, name: str) -> None:
    data = loaded(f"lm-eval:{name}", data_dir)
    kind, count = REAL[name]
    assert (data.task.kinds, len(data.questions)) == ((kind,), count)
    cue = ("Answer:", "A:", "step by step.", "Options:", "选项：")
    assert not [q.text[-80:] for q in data.questions if q.text.rstrip().endswith(cue)]
    assert not [q.text[:40] for q in data.questions if q.text.startswith(("Question:", "Q:", "Problem:"))]
    letters = Counter(data.golds.values())
    if kind == "letter":
        assert max(letters.values()) < 0.6 * count, letters
    if name == "gsm8k":
        ours = load_data(find_task("gsm8k"), data_dir)
        theirs = {q.text: data.golds[q.id] for q in data.questions}
        assert theirs == {q.text: ours.golds[q.id] for q in ours.questions}
    if name.startswith("mmlu_anatomy"):
        ours = load_data(find_task("mmlu"), data_dir)
        anatomy = {q.text: (q.choices, ours.golds[q.id]) for q in ours.questions if q.group == "anatomy"}
        assert {q.text: (q.choices, data.golds[q.id]) for q in data.questions} == anatomy


@pytest.mark.data
def test_a_real_group_is_one_task_with_several_kinds(lm_eval: None, data_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "SaylorTwift").mkdir()
    (tmp_path / "SaylorTwift" / "bbh").symlink_to(data_dir / "lukaemon" / "bbh")
    data = loaded("lm-eval:bbh_zeroshot", tmp_path)
    assert len(data.questions) == 6507, "three golds are no label, and one list of options is cut off"
    assert {"letter", "number", "boolean", "choice", "text"} <= set(data.task.kinds)
    assert len({q.group for q in data.questions}) == 27


# --- Inspect ------------------------------------------------------------------------------------------------------

FILE = """
from inspect_ai import Task, task
from inspect_ai.dataset import FieldSpec, MemoryDataset, Sample, hf_dataset, json_dataset
from inspect_ai.model import ChatMessageSystem, ChatMessageUser, ContentImage, ContentText
from inspect_ai.scorer import choice, includes, match, model_graded_fact
from inspect_ai.solver import generate, multiple_choice, prompt_template, system_message, use_tools

SUMS = [Sample(input=f"What is {n} + {n}?", target=str(2 * n)) for n in range(1, 13)]
USER = ChatMessageUser


@task
def sums():
    return Task(dataset=SUMS, solver=[prompt_template("{prompt}"), generate()], scorer=match(numeric=True), version=4)


@task
def boats():
    samples = [Sample(input=[USER(content=f"Boat {n}?")], choices=["sails", "rows", "waits"], target="ABC"[n % 3])
               for n in range(12)]
    dataset = MemoryDataset(samples)
    dataset.shuffle_choices(seed=1)
    return Task(dataset=dataset, solver=multiple_choice(), scorer=choice())


@task
def towns():
    return Task(dataset=json_dataset("towns.jsonl", shuffle=True), scorer=includes())


@task
def gsm():
    fields = FieldSpec(input="question", target="answer")
    return Task(dataset=hf_dataset("openai/gsm8k", "test", "main", sample_fields=fields), scorer=match())


@task
def judged():
    return Task(dataset=SUMS, scorer=model_graded_fact())


@task
def tools():
    return Task(dataset=SUMS, solver=[use_tools(), generate()], scorer=match())


@task
def chat():
    chat = [ChatMessageSystem(content="Be brief."), USER(content="So?")]
    return Task(dataset=[Sample(input=chat, target="y")], scorer=match())


@task
def image():
    content = [ContentText(text="What is this?"), ContentImage(image="boat.png")]
    return Task(dataset=[Sample(input=[USER(content=content)], target="y")], scorer=match())


@task
def files():
    return Task(dataset=[Sample(input="So?", target="y", files={"a.txt": "b"}, sandbox="docker")], scorer=match())
"""


@pytest.fixture
def file(inspect_ai: None, tmp_path: Path) -> Path:
    rows = [{"input": f"Town {n}?", "target": [f"Hull {n}", f"Kingston {n}"]} for n in range(40)]
    (tmp_path / "towns.jsonl").write_text("\n".join(map(json.dumps, rows)))
    path = tmp_path / "mine.py"
    path.write_text(FILE)
    return path


def test_tasks_of_inspect_are_taken_over(file: Path) -> None:
    data = loaded(f"inspect:{file}@sums")
    assert (data.task.kinds, data.golds[data.questions[5].id]) == (("number",), "12")
    assert data.file.taken["task_version"] == "4"
    data = loaded(f"inspect:{file}@boats")
    right = [q.choices["ABC".index(data.golds[q.id])] for q in data.questions]
    assert right == ["sails", "rows", "waits"] * 4, "the order of options is the task's"
    assert data.questions[0].text == "Boat 0?"


def test_samples_in_an_order_of_chance_are_the_same_task_each_time(file: Path) -> None:
    from cotbench.questions import others

    first = find_task(f"inspect:{file}@towns")
    others._found.cache_clear()
    again = find_task(f"inspect:{file}@towns")
    assert first is not again
    assert (first.hash, first.rows) == (again.hash, again.rows)
    data = load_data(first)
    assert data.golds[data.questions[0].id] == "Hull 0\nKingston 0"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("judged", "graded by a model"),
        ("tools", "uses tools"),
        ("chat", "a chat of 2 messages"),
        ("image", "more than text in it \\(image\\)"),
        ("files", "works in a sandbox"),
    ],
)
def test_tasks_of_inspect_that_ask_otherwise_are_refused_by_name(file: Path, name: str, reason: str) -> None:
    with pytest.raises(TaskError, match=reason):
        loaded(f"inspect:{file}@{name}")


@pytest.mark.data
def test_a_data_set_of_inspects_comes_from_the_folder_and_not_into_its_cache(
    file: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(file.parent / "cache"))
    data = loaded(f"inspect:{file}@gsm", data_dir)
    assert (len(data.questions), data.task.kinds) == (1319, ("number",))
    assert not list((file.parent / "cache").glob("**/*.arrow"))
    with pytest.raises(CotbenchError, match="there is no folder"):
        loaded(f"inspect:{file}@gsm", file.parent)


def test_a_run_of_inspects_is_asked_gone_on_with_and_reported(file: Path, main: Cli) -> None:
    done = main("run", "--model", "stub", "--task", f"inspect:{file}@boats", "--mode", "direct,cot")
    assert done.code == 0, done.err
    [run] = (file.parent / "results").glob("stub-*")
    for command in (("run", "--resume", run), ("score", run), ("report", run), ("reproduce", run, "--check")):
        again = main(*command)
        assert again.code == 0, again.err
