"""Bad command lines: each ends in its exit code, says what was wrong in words, and shows no traceback.

Exit codes are those of `cotbench --help`: 2 for what the command line, a task file or a template says, 3 for what is not
there. Run in this process; an exception that would be a traceback fails the test as such.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli, Outcome, run_cli

from cotbench.store.manifest import MANIFEST
from cotbench.store.questions import QUESTIONS
from cotbench.store.records import RECORDS

RUN = "run -q --model stub --task sample --mode direct --limit 4"
SERVED = "run -q --model m --engine openai --base-url http://127.0.0.1:9/v1 --task sample --mode direct"
REPLAY = "run -q --model m --engine replay --task sample --mode direct --limit 4"
OPENAI = "run -q --model m --engine openai --task sample --mode direct --limit 4"
AWAY = "--base-url http://127.0.0.1:9/v1"  # the discard port: nothing listens there


@pytest.fixture(autouse=True)
def quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    """No key, server, data or proxy of the developer's own; and should something call out, it goes nowhere."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "COTBENCH_DATA", "FORCE_COLOR", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def words(text: str) -> str:
    """A message without the boxes, colours and line breaks that depend on the terminal."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m|[╭╮╰╯│─]", " ", text).split())


def check(done: Outcome, code: int, *pieces: str) -> None:
    said = words(done.err)
    assert done.code == code, said
    for piece in pieces:
        assert piece in said
    assert "Traceback" not in done.err
    assert done.out == "", "stdout is for results"


# --- the table ----------------------------------------------------------------------------------------------------

USAGE: dict[str, tuple[str, str, str]] = {
    # name: (command line, piece of the finding, piece of the remedy)
    "no such command": ("rnu", "No such command 'rnu'", "cotbench --help"),
    "no such option": ("run --modle stub", "--modle", "run --help"),
    "unknown task": ("run --model stub --task gsm8 --mode cot", "there is no task 'gsm8'. Known: ", "Did you mean 'gsm8k'?"),
    "unknown task like no other": (f"{RUN} --task qqqq", "there is no task 'qqqq'", "your own .jsonl"),
    "unknown task of lm-eval": ("run --model m --task gsm8k_cot --mode cot", "no task 'gsm8k_cot'", "Did you mean 'gsm8k'?"),
    "task file that isn't there": ("run --model stub --task my.yaml --mode cot", "there is no file my.yaml", "cotbench list tasks"),
    "question file that isn't there": ("run --model stub --task my.jsonl --mode cot", "there is no file my.jsonl", "question, answer"),
    "unknown mode": ("run --model stub --task sample --mode cott", "there is no mode 'cott'. Known: direct, cot", "Did you mean 'cot'?"),
    "unknown engine": (f"{RUN} --engine vlm", "--engine: there is no engine 'vlm'", "Known: vllm, openai, transformers, ctranslate2, stub, replay"),
    "unknown list": ("list models", "there is no list of 'models'", "Use tasks, modes, engines or runs"),
    "list of nothing": ("list", "Missing argument", "list --help"),
    "no model": ("run --task sample --mode cot", "--model is missing", "As in: cotbench run --model"),
    "empty model": ("run --model '' --engine stub --task sample --mode cot", "--model", "cotbench run --model"),
    "no task": ("run --model stub --mode cot", "--task is missing", "As in: cotbench run --model"),
    "empty task": ("run --model stub --task , --mode cot", "--task is missing", "As in: cotbench run --model"),
    "no mode": ("run --model stub --task sample", "--mode is missing", "As in: cotbench run --model"),
    "show-prompt without task": ("show-prompt --mode cot", "--task is missing", "As in: cotbench show-prompt"),
    "show-prompt without mode": ("show-prompt --task sample", "--mode is missing", "As in: cotbench show-prompt"),
    "limit 0": (f"{RUN} --limit 0", "--limit: expected a number of questions from 1 up, found 0", "Leave --limit out"),
    "limit negative": (f"{RUN} --limit -5", "--limit: expected a number of questions from 1 up, found -5", "Leave --limit out"),
    "limit of words": (f"{RUN} --limit many", "--limit", "run --help"),
    "limit as a share": (f"{RUN} --limit 0.1", "--limit", "run --help"),
    "show-prompt limit 0": ("show-prompt --task sample --mode cot --limit 0", "--limit: expected", "Leave --limit out"),
    "exemplars negative": (f"{RUN} --num-fewshot -1", "--num-fewshot: expected 0 or more, found -1", ""),
    "exemplars too many": (f"{RUN} --num-fewshot 99", "--num-fewshot 99: task sample has 2 exemplars", "Use --num-fewshot 2 or fewer"),
    "task twice": ("run --model stub --task sample,sample --mode cot", "--task: sample is named twice", "Name each once"),
    "task twice by name and path": ("run --model stub --task sample --task sample.yaml --mode cot", "--task: sample is named twice", ""),
    "mode twice": ("run --model stub --task sample --mode cot --mode cot", "--mode: cot is named twice", "Name each once"),
    "temperature NaN": (f"{RUN} --gen-kwargs temperature=NaN", "temperature is nan; expected a number from 0 to 2", ""),
    "temperature infinite": (f"{RUN} --gen-kwargs temperature=Infinity", "temperature is inf; expected", ""),
    "temperature negative": (f"{RUN} --gen-kwargs temperature=-1", "temperature is -1; expected", ""),
    "temperature a word": (f"{RUN} --gen-kwargs temperature=hot", "temperature is 'hot'; expected", ""),
    "temperature none": (f"{RUN} --gen-kwargs temperature=none", "temperature is None; expected", ""),
    "top_p 0": (f"{RUN} --gen-kwargs top_p=0", "top_p is 0, which leaves no token", "temperature=0 for greedy"),
    "top_p above 1": (f"{RUN} --gen-kwargs top_p=1.5", "top_p is 1.5; expected a number from 0 to 1", ""),
    "stop null": (f"{RUN} --gen-kwargs stop=null", "stop is None; expected", ""),
    "stop empty": (f"{RUN} --gen-kwargs stop=", "--gen-kwargs: stop", ""),
    "unknown gen kwarg": (f"{RUN} --gen-kwargs topk=5", "--gen-kwargs: unknown topk", "Known: bad_words"),
    "a sampling key that the engine lacks": (f"{RUN} --gen-kwargs top_k=5", "--gen-kwargs: engine 'stub' has no top_k", "It has: temperature, top_p, max_tokens, stop"),
    "... under one mode": (f"{RUN} --gen-kwargs direct.min_p=0.1", "--gen-kwargs: engine 'stub' has no min_p", ""),
    "an extra body without a server": (f"""{RUN} --extra-body '{{"x": 1}}'""", "--extra-body: engine 'stub' sends nothing to a server", "--engine openai"),
    "a header without a server": (f"{RUN} --header x=1", "--header: engine 'stub' sends nothing to a server", "--engine openai"),
    "a header from nowhere": (f"{SERVED} --header 'x=$NOWHERE_SET'", "--header x: the environment variable NOWHERE_SET is not set", ""),
    "gen kwargs of words": (f"{RUN} --gen-kwargs greedy", "--gen-kwargs: expected key=value, found 'greedy'", "As in --gen-kwargs key=value"),
    "model args of words": (f"{RUN} --model-args bfloat16", "--model-args: expected key=value, found 'bfloat16'", "As in --model-args key=value"),
    "model arg twice": (f"{RUN} --model-args cot=1,cot=0", "--model-args: 'cot' is given twice", ""),
    "model arg without a name": (f"{RUN} --model-args =1", "--model-args: expected key=value, found '=1'", ""),
    "lm-eval, vllm": ("run --model vllm --model_args pretrained=x --tasks sample --mode cot", "--model is 'vllm': in cotbench --model names the model", "As in: --engine vllm --model x "),
    "lm-eval, hf": ("run --model hf --model_args pretrained=x,dtype=auto --tasks sample --mode cot", "--model is 'hf'", "As in: --engine transformers --model x "),
    "lm-eval, server": ("run --model local-chat-completions --model_args model=x --tasks sample --mode cot", "--model is 'local-chat", "As in: --engine openai --model x "),
    "budget of a mode that isn't run": (f"{RUN} --max-tokens cot=9", "--max-tokens: cot has no budget of its own in this run", "Known here: direct"),
    "budget of plan-solver": ("run --model stub --task sample --mode plan-solver --max-tokens plan-solver=9", "--max-tokens: plan-solver has no budget of its own", "Known here: plan"),
    "paths of a mode without": (f"{RUN} --paths 4", "--paths: none of the modes of this run draws several paths", "self-consistency, direct-votes and pal do"),
    "paths 0": (f"{RUN} --paths 0", "--paths: *=0 is not a positive number of paths", "As in --paths 20"),
    "paths of cot": ("run --model stub --task sample --mode cot,pal --paths cot=4", "--paths: cot draws no paths in this run", "Known here: pal"),
    "sampling of a mode that isn't run": (f"{RUN} --gen-kwargs cot.temperature=1", "--gen-kwargs: cot is not among the modes of this run", "Known here: direct"),
    "exemplars from nowhere": (f"{RUN} --exemplars web", "--exemplars: expected auto, own or split, found 'web'", ""),
    "limits unknown": (f"{RUN} --program-limits ram=5", "--program-limits: unknown ram", "Known: cpu_s, wall_s, memory_mb"),
    "limits 0": (f"{RUN} --program-limits cpu_s=0", "--program-limits: cpu_s is 0; expected a number from 1 to 100,000", ""),
    "exec without a file": ("exec nowhere.py", "nowhere.py: can't be read: No such file or directory", "Name a file"),
    "exec of an unknown runtime": ("exec nowhere.py --runtime ruby", "--runtime: expected python or sympy, found 'ruby'", ""),
    "budget 0": (f"{RUN} --max-tokens 0", "--max-tokens: *=0 is not a positive number of tokens", "As in --max-tokens cot=2048,direct=32"),
    "budget a word": (f"{RUN} --max-tokens direct=lots", "--max-tokens: direct=lots is not a positive number", "As in --max-tokens"),
    "replay without a path": (REPLAY, "engine 'replay' takes --model-args path=outputs.jsonl", ""),
    "replay with more than a path": (f"{REPLAY} --model-args path=x.jsonl,speed=2", "engine 'replay' takes --model-args path=outputs.jsonl", ""),
    "stub share above 1": (f"{RUN} --model-args direct=1.5", "the stub's direct is 1.5; expected a share between 0 and 1", "Its shares"),
    "stub share negative": (f"{RUN} --model-args direct=-0.1", "the stub's direct is -0.1; expected a share", "Its shares"),
    "stub share NaN": (f"{RUN} --model-args direct=NaN", "the stub's direct is nan; expected a share", "Its shares"),
    "stub share a word": (f"{RUN} --model-args direct=half", "the stub's direct is 'half'; expected a share", "Its shares"),
    "stub share unknown": ("run --model stub --task sample --mode cot --model-args ctx=0.5", "engine 'stub' doesn't know ctx", "Known: direct, cot"),
    "stub latency a word": (f"{RUN} --model-args latency_s=slow", "--model-args: engine 'stub': latency_s is 'slow'", ""),
    "stub latency negative": (f"{RUN} --model-args latency_s=-1", "--model-args: engine 'stub': latency_s is -1", ""),
    "thinking": (f"{RUN} --thinking maybe", "--thinking: expected auto, on or off, found 'maybe'", ""),
    "concurrency 0": (f"{RUN} --concurrency 0", "--concurrency", "run --help"),
    "seed a word": (f"{RUN} --seed dice", "--seed", "run --help"),
    "tasks-dir": (f"{RUN} --tasks-dir none", "--tasks-dir: none is not a folder", "*.yaml"),
    "prompts-dir": (f"{RUN} --prompts-dir none", "--prompts-dir: none is not a folder", "*.jinja"),
    "template that isn't there": (f"{OPENAI} {AWAY} --chat-template f.jinja", "--chat-template: there is no file f.jinja", "Give 'auto', 'none'"),
    "unknown argument of a server": (f"{OPENAI} {AWAY} --model-args dtype=auto", "engine 'openai' doesn't know dtype", "Known: max_retries, timeout_s, send_seed"),
    "time limit a word": (f"{OPENAI} {AWAY} --model-args timeout_s=long", "timeout_s", ""),
    "retries a word": (f"{OPENAI} {AWAY} --model-args max_retries=some", "max_retries", ""),
    "server's port": (f"{OPENAI} --base-url http://127.0.0.1:99999/v1", "--base-url", ""),
    "server's brackets": (f"{OPENAI} --base-url http://[::1/v1", "--base-url", ""),
    "report without runs": ("report", "there are no runs in results", "Start one with `cotbench run`, or name --output-dir"),
    "effect 0": ("report --effect 0", "--effect: expected points above 0 and up to 100, found 0", "As in --effect 2"),
    "effect NaN": ("report --effect nan", "--effect: expected points above 0", "As in --effect 2"),
    "effect above 100": ("report --effect 101", "--effect: expected points above 0 and up to 100, found 101", ""),
    "effect a word": ("report --effect small", "--effect", "report --help"),
    "page of nothing": ("report --page-mb 0", "--page-mb: expected megabytes above 0, found 0", "Use --no-page"),
    "page of infinity": ("report --page-mb inf", "--page-mb: expected megabytes above 0, found inf", "Use --no-page"),
    "tag without a pattern": ("report --tag percent", "--tag percent: expected NAME=REGEX", "For example --tag"),
    "tag without a name": ("report --tag =x", "--tag =x: expected NAME=REGEX", ""),
    "tag that is no pattern": ("report --tag 'p=('", "--tag p=(: not a regular expression", "`re` syntax"),
    "tag of ours": ("report --tag subject=x", "'subject' is a rule that cotbench has", "Choose another name"),
    "tag twice": ("report --tag p=x --tag p=y", "there are two rules named 'p'", "Give each a name of its own"),
    "unknown tag rule": ("report --tag-rule eq_questoin", "--tag-rule: there is no rule 'eq_questoin'. Known: eq_question", "Did you mean 'eq_question'?"),
    "unknown tag rule beside one's own": ("report --tag percent=% --tag-rule percnt", "eq_response, percent.", "Did you mean 'percent'?"),
    "unknown tag rule like no other": ("report --tag-rule qqqq", "--tag-rule: there is no rule 'qqqq'", "Add your own with --tag or --tags-file"),
    "one of two baselines unknown": ("report --baseline cot,dircet", "--baseline: there is no mode 'dircet'", "Did you mean 'direct'?"),
    "gate of words": ("report --fail-if 'delta is low'", "--fail-if 'delta is low': expected NAME[task,mode] OP NUMBER", "As in --fail-if"),
    "gate of an unknown figure": ("report --fail-if 'detla[t,cot] < 0'", "there is no figure 'detla'", "Did you mean 'delta'?"),
    "show without runs": ("show", "there are no runs in results", "Start one with `cotbench run`, or name --output-dir"),
    "show of nothing": ("show t-1", "there are no runs in results", ""),
    "show: flips": ("show --flips up", "--flips: expected helped or hurt, found 'up'", ""),
    "show: flips of one mode": ("show --flips hurt --mode direct", "--flips: direct is both the mode and the baseline", "Choose another"),
    "show: tag": ("show --tag maths", "--tag: expected symbolic or nonsymbolic, found 'maths'", "--tag-rule says by which rule"),
    "show: outcome": ("show --outcome wrnog", "--outcome: there is no outcome 'wrnog'. Known: correct, wrong", "Did you mean 'wrong'?"),
    "show: grep": ("show --grep '('", "--grep: not a regular expression", "`re` syntax"),
    "show: limit 0": ("show --limit 0", "--limit", "show --help"),
    "show: mode": ("show --mode cott", "--mode: there is no mode 'cott'", "Did you mean 'cot'?"),
    "show: tag rule": ("show --tag-rule x", "--tag-rule: there is no rule 'x'", ""),
    "question out of range": ("show-prompt --task sample --mode cot --question 49", "--question 49: sample has 48 questions", ""),
    "question beyond the limit": ("show-prompt --task sample --mode cot --limit 3 --question 4", "--question 4: sample has 3 questions", ""),
    "question 0": ("show-prompt --task sample --mode cot --question 0", "--question", "show-prompt --help"),
}  # fmt: skip


@pytest.mark.parametrize(("line", "finding", "remedy"), USAGE.values(), ids=USAGE)
def test_usage(line: str, finding: str, remedy: str, main: Cli, tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parent.parent / "tasks", tmp_path, dirs_exist_ok=True)
    done = main(*shlex.split(line))
    check(done, 2, finding, remedy)
    assert not (tmp_path / "results").exists(), "nothing was begun"


NOT_THERE: dict[str, tuple[str, str, str]] = {
    "data-dir": ("run --model stub --task gsm8k --mode cot --data-dir none", "task gsm8k: there is no folder none/openai/gsm8k", "--data-dir and COTBENCH_DATA name a folder"),
    "no network": ("run --model stub --task gsm8k --mode cot", "can't load 'openai/gsm8k'", "Without network, point --data-dir or COTBENCH_DATA at a folder in the Hub's layout"),
    "replay of nothing": (f"{REPLAY} --model-args path=none.jsonl", "engine 'replay': there is no file or run at none.jsonl", "Give the path of an outputs.jsonl"),
    "no server and no key": (OPENAI, "engine 'openai': there is neither --base-url nor OPENAI_API_KEY", "--base-url http://127.0.0.1:8000/v1"),
    "a server that doesn't answer": (f"{OPENAI} {AWAY}", "engine 'openai': can't reach http://127.0.0.1:9/v1", "Start the server or correct --base-url"),
    "resume of nothing": ("run --resume none", "there is no run 'none'", "Name a run's folder or its id"),
    "report of nothing": ("report none", "there is no run 'none' (neither a folder, nor an id in results)", "Name a run's folder or its id"),
    "tags of no file": ("report --tags-file none.csv", "none.csv: there is no such file", "Name a CSV with a column 'id'"),
    "show of no run": ("show none t-1", "there is no run 'none'", "Name a run's folder or its id"),
    "report of nothing, empty name": ("report ''", "there is no run ''", "Name a run's folder or its id"),
}  # fmt: skip


def test_an_address_without_a_scheme(main: Cli) -> None:
    check(
        main(*shlex.split(f"{OPENAI} --base-url localhost")), 2, "--base-url: expected http://HOST", "As in --base-url"
    )


@pytest.mark.parametrize(("line", "finding", "remedy"), NOT_THERE.values(), ids=NOT_THERE)
def test_what_is_not_there(line: str, finding: str, remedy: str, main: Cli, tmp_path: Path) -> None:
    check(main(*shlex.split(line)), 3, finding, remedy)
    assert not (tmp_path / "results").exists(), "nothing was begun"


@pytest.mark.parametrize(
    ("engine", "package"), [("vllm", "vllm"), ("transformers", "transformers"), ("", "vllm")], ids=str
)
def test_an_engine_whose_package_is_missing(engine: str, package: str, main: Cli) -> None:
    if importlib.util.find_spec(package) is not None:
        pytest.skip(f"{package} is installed")
    chosen = ["--engine", engine] if engine else []
    done = main("run", "--model", "m", "--task", "sample", "--mode", "cot", "-q", *chosen)
    check(done, 3)
    assert done.err == f"Error: engine '{package}' needs the {package} package: pip install \"cotbench[{package}]\"\n"


def test_a_models_chat_template_without_its_package(main: Cli) -> None:
    if importlib.util.find_spec("transformers") is not None:
        pytest.skip("transformers is installed")
    done = main("show-prompt", "--model", "m", "--task", "sample", "--mode", "cot")
    check(done, 3, "needs the transformers package: pip install", '"cotbench[transformers]"')


def test_an_empty_base_url_is_not_openais(main: Cli) -> None:
    """`--base-url $URL` with URL unset: the questions must not go to another server than the one that was meant."""
    done = main(*shlex.split(OPENAI), "--base-url", "", "--model-args", "max_retries=0")
    assert done.code in (2, 3)
    assert "--base-url" in done.err
    assert "api.openai.com" not in done.err


# --- files that are not right -------------------------------------------------------------------------------------

ONE = '{"question": "One and one?", "answer": "2"}\n'
FILES: dict[str, tuple[str, str, str, int, tuple[str, ...]]] = {
    # name: (command line, file, content, exit code, pieces)
    "task file: key": ("run --model stub --mode cot --task t.yaml", "t.yaml", "naem: t\n", 2, ("t.yaml: unknown key 'naem'; did you mean 'name'?",)),
    "task file: syntax": ("run --model stub --mode cot --task t.yaml", "t.yaml", "name: t\nabout: [\n", 2, ("t.yaml:3: not valid YAML",)),
    "task file: Python in YAML": ("run --model stub --mode cot --task t.yaml", "t.yaml", "name: !!python/object/apply:os.system ['touch run-by-yaml']\n", 2, ("t.yaml:1: not valid YAML: could not determine a constructor",)),
    "task file: a list": ("run --model stub --mode cot --task t.yaml", "t.yaml", "- name\n", 2, ("t.yaml: expected a mapping of keys, found list",)),
    "task file: not UTF-8": ("run --model stub --mode cot --task t.yaml", "t.yaml", "name: \x00\n", 2, ("t.yaml",)),
    "questions: an empty answer": ("run --model stub --mode cot --task q.jsonl", "q.jsonl", f'{ONE}{{"question": "One?", "answer": ""}}\n', 3, ("q.jsonl: row 2: the gold reader 'plain' finds the gold answer is empty",)),
    "questions: JSON": ("run --model stub --mode cot --task q.jsonl", "q.jsonl", f"{ONE}oops\n", 3, ("q.jsonl:2: not valid JSON",)),
    "questions: key": ("run --model stub --mode cot --task q.jsonl", "q.jsonl", f'{ONE}{{"answer": 1}}\n', 2, ("q.jsonl:2: the key 'question' is missing",)),
    "questions: none": ("run --model stub --mode cot --task q.jsonl", "q.jsonl", "", 3, ("q.jsonl has no rows",)),
    "template: undefined": (f"{RUN} --prompts-dir p", "p/direct.jinja", "{% call user() %}\n{{ qestion }}{% endcall %}", 2, ("p/direct.jinja:2: 'qestion' is undefined",)),
    "template: syntax": (f"{RUN} --prompts-dir p", "p/direct.jinja", "{% call user() %}{{ {% endcall %}", 2, ("p/direct.jinja:1: ",)),
    "template: out of the sandbox": (f"{RUN} --prompts-dir p", "p/direct.jinja", "{% call user() %}{{ ''.__class__.__mro__ }}{% endcall %}", 2, ("p/direct.jinja:1: ", "is unsafe")),
    "template: arithmetic": (f"{RUN} --prompts-dir p", "p/direct.jinja", "{% call user() %}{{ 1/0 }}{% endcall %}", 2, ("p/direct.jinja",)),
    "outputs: JSON": (f"{REPLAY} --model-args path=o.jsonl", "o.jsonl", "oops\n", 3, ("o.jsonl:1: not valid JSON",)),
    "outputs: a list": (f"{REPLAY} --model-args path=o.jsonl", "o.jsonl", "[]\n", 3, ("o.jsonl:1: expected a JSON object, found list", "\"output\", and \"id\" or \"question\"")),
    "outputs: no output": (f"{REPLAY} --model-args path=o.jsonl", "o.jsonl", '{"id": "x"}\n', 3, ("o.jsonl:1: expected the keys 'output'",)),
    "outputs: no id": (f"{REPLAY} --model-args path=o.jsonl", "o.jsonl", '\n{"output": "x"}\n', 3, ("o.jsonl:2: expected the keys",)),
    "outputs: id a list": (f"{REPLAY} --model-args path=o.jsonl", "o.jsonl", '{"id": ["x"], "output": "x"}\n', 3, ("o.jsonl:1: ",)),
    "results in a file": (f"{RUN} -o o", "o", "", 3, ("o/stub-", "can't be written", "Choose another --output-dir")),
    "report into a file": ("report r --to o", "o", "", 2, ("o: can't be written", "Choose another folder with --to")),
    "tags: no id": ("report r --tags-file t.csv", "t.csv", "name,hard\nx,1\n", 3, ("t.csv: expected a header with the column 'id'",)),
    "tags: a word": ("report r --tags-file t.csv", "t.csv", "id,hard\nx,maybe\n", 3, ("t.csv:2: hard is 'maybe'", "Write 1 or 0")),
    "tags: a rule of ours": ("show r --tags-file t.csv", "t.csv", "id,subject\nx,1\n", 3, ("'subject' is a rule that cotbench has", "Rename the column")),
    "tags: twice": ("report r --tags-file t.csv --tag hard=x", "t.csv", "id,hard\nx,1\n", 2, ("there are two rules named 'hard'",)),
    "manifest: not JSON": ("report d", f"d/{MANIFEST}", "oops", 3, (f"d/{MANIFEST}: can't be read", "Restore the file")),
    "manifest: a list": ("report d", f"d/{MANIFEST}", "[]", 3, (f"d/{MANIFEST}: expected schema 1, found None",)),
    "manifest: of the future": ("report d", f"d/{MANIFEST}", '{"schema": 99}', 3, ("expected schema 1, found 99", "Use the version of cotbench that wrote it")),
    "manifest: keys": ("report d", f"d/{MANIFEST}", '{"schema": 1, "run": "d"}', 3, (f"d/{MANIFEST}: ", "Restore the file")),
    "no manifest": ("report d", "d/notes.txt", "", 3, ("there is no run 'd'",)),
    "no manifest, resumed": ("run --resume d", "d/notes.txt", "", 3, ("there is no run 'd'",)),
    "one bad manifest in the list": ("list runs", f"results/d/{MANIFEST}", "oops", 3, (f"results/d/{MANIFEST}: can't be read",)),
    "replay of a run without a journal": (f"{REPLAY} --model-args path=d", f"d/{MANIFEST}", "{}", 3, ("d/journal.jsonl",)),
}  # fmt: skip


@pytest.mark.parametrize(("line", "name", "content", "code", "pieces"), FILES.values(), ids=FILES)
def test_a_file_that_is_not_right(
    line: str, name: str, content: str, code: int, pieces: tuple[str, ...], main: Cli, tmp_path: Path, finished: Path
) -> None:
    shutil.copytree(finished, tmp_path / "r")
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text(content)
    check(main(*shlex.split(line)), code, *pieces)


@pytest.mark.parametrize("value", ["many", -5, 2.5, 10**400, True, [1]], ids=lambda value: repr(value)[:8])
def test_replayed_token_counts_that_are_none_are_unknown(value: Any, main: Cli, tmp_path: Path, finished: Path) -> None:
    ids = [json.loads(line)["id"] for line in (finished / QUESTIONS).read_text().splitlines()]
    rows = [
        {"id": identity, "output": "Answer: A", "completion_tokens": value, "prompt_tokens": 20.0} for identity in ids
    ]
    (tmp_path / "o.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main(*shlex.split(REPLAY), "--model-args", "path=o.jsonl")
    assert done.code == 0, done.err
    assert "completion_tokens " in words(done.err)
    records = [json.loads(line) for line in (tmp_path / done.out.splitlines()[-1] / RECORDS).read_text().splitlines()]
    assert {(row["prompt_tokens"], row["completion_tokens"]) for row in records} == {(20, None)}
    assert "what isn't known was left out" in words(main("report", "--no-page").out)


def test_replayed_lines_that_cant_be_used_are_passed_over_and_named(main: Cli, tmp_path: Path, finished: Path) -> None:
    ids = [json.loads(line)["id"] for line in (finished / QUESTIONS).read_text().splitlines()]
    rows = [json.dumps({"id": identity, "output": "Answer: A", "finish_reason": None}) for identity in ids]
    (tmp_path / "o.jsonl").write_text("\ufeff" + "\n".join([rows[0], "{", *rows[1:], '{"id": "x"}', "[]"]) + "\n")
    done = main(*shlex.split(REPLAY), "--model-args", "path=o.jsonl")
    assert done.code == 0, done.err
    for piece in (
        "3 lines can't be used: o.jsonl:2: not valid JSON",
        "o.jsonl:6: expected the keys",
        "o.jsonl:7: expected a JSON object",
    ):
        assert piece in words(done.err)
    (tmp_path / "o.jsonl").write_text("{\n[]\n")
    check(main(*shlex.split(REPLAY), "--model-args", "path=o.jsonl", "--fresh"), 3, "o.jsonl:1: not valid JSON")


# --- results folders ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of four questions under direct, to be copied."""
    home = tmp_path_factory.mktemp("finished")
    done = run_cli(*shlex.split(RUN), cwd=home)
    assert done.code == 0, done.err
    return home / done.out.splitlines()[-1]


def test_results_that_can_only_be_read(main: Cli, tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    (tmp_path / "results").mkdir(mode=0o555)
    check(main(*shlex.split(RUN)), 3, "can't be written: Permission denied", "Choose another --output-dir")


def test_an_unfinished_run_is_reported_as_such(main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "r")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "status": "running"}))
    records = (folder / RECORDS).read_bytes().splitlines(keepends=True)
    (folder / RECORDS).write_bytes(b"".join(records[:2]) + records[2][:20])  # killed while writing
    done = main("report", "r")
    assert done.code == 0, done.err
    assert "r is not finished (killed): 2 of 4 answers so far" in words(done.out)


def spoilt(manifest: dict[str, Any], records: str, questions: str, change: str) -> tuple[dict[str, Any], str, str]:
    """A run's manifest, records and questions, one of them spoilt."""
    return {
        "no records yet": (manifest, "", questions),
        "records: not JSON": (manifest, "oops\n", questions),
        "records: other keys": (manifest, "{}\n", questions),
        "records: a list": (manifest, "[]\n", questions),
        "questions: other keys": (manifest, records, "{}\n"),
        "questions: of another run": (manifest, records, ""),
        "manifest: empty spec": ({**manifest, "spec": {}}, records, questions),
        "manifest: spec a list": ({**manifest, "spec": []}, records, questions),
    }[change]


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ("no records yet", "r: there are no records yet"),
        ("records: not JSON", f"r/{RECORDS}:1: not valid JSON"),
        ("records: other keys", f"r/{RECORDS}"),
        ("records: a list", f"r/{RECORDS}"),
        ("questions: other keys", f"r/{QUESTIONS}"),
        ("questions: of another run", f"r/{QUESTIONS}"),
        ("manifest: empty spec", f"r/{MANIFEST}"),
        ("manifest: spec a list", f"r/{MANIFEST}"),
    ],
)
def test_a_folder_whose_files_are_not_right(change: str, place: str, main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "r")
    was = json.loads((folder / MANIFEST).read_text())
    manifest, records, questions = spoilt(was, (folder / RECORDS).read_text(), (folder / QUESTIONS).read_text(), change)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    (folder / RECORDS).write_text(records)
    (folder / QUESTIONS).write_text(questions)
    check(main("report", "r"), 3, place)


@pytest.mark.parametrize("name", [MANIFEST, QUESTIONS, RECORDS])
def test_a_folder_that_lacks_a_file(name: str, main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "r")
    (folder / name).unlink()
    check(main("report", "r"), 3, "there is no run 'r'" if name == MANIFEST else f"r/{name}: is missing")


def test_a_task_file_that_is_not_right_leaves_the_others_in_the_list(main: Cli, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "t.yaml").write_text("naem: t\n")
    done = main("list", "tasks", "--tasks-dir", "d")
    assert done.code == 2
    assert "d/t.yaml: unknown key 'naem'" in done.err
    assert "gsm8k" in done.out


def test_a_manifest_whose_options_are_gone(main: Cli, tmp_path: Path, finished: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "results" / "r")
    manifest = json.loads((folder / MANIFEST).read_text())
    (folder / MANIFEST).write_text(json.dumps({**manifest, "options": {}}))
    check(main("list", "runs"), 3, f"results/r/{MANIFEST}")


def test_two_runs_with_the_same_mode(main: Cli, tmp_path: Path, finished: Path) -> None:
    for name in ("one", "two"):
        shutil.copytree(finished, tmp_path / name)
    check(main("report", "one", "two"), 3, "one and two both hold sample under direct by stub", "Name one of them only")


def test_a_beginning_that_several_runs_share(main: Cli, tmp_path: Path, finished: Path) -> None:
    for name in ("stub-aa", "stub-ab"):
        shutil.copytree(finished, tmp_path / "results" / name)
    check(main("report", "stub-a"), 3, "'stub-a' may be any of stub-aa, stub-ab", "Give more of its name")


def test_an_unknown_baseline(main: Cli, tmp_path: Path, finished: Path) -> None:
    shutil.copytree(finished, tmp_path / "r")
    done = main("report", "r", "--baseline", "dircet")
    check(done, 2, "there is no mode 'dircet'", "Did you mean 'direct'?")
    assert "--baseline" in done.err, "the option that holds the mistake"


@pytest.mark.parametrize(
    ("line", "pieces"),
    [
        ("show r qqq", ("there is no question 'qqq' among the 4 on record here", "lists them")),
        ("show r sample-", ("'sample-' may be any of sample-", "Give more of the question's id")),
        ("show r '' --json", ("there is no run ''",)),
        ("show qqq -o .", ("'qqq' is no run in ., and there is no question 'qqq'",)),
        ("show r --task smaple", ("--task: these runs have no 'smaple'. They have: sample.", "Did you mean 'sample'?")),
        ("show r --mode cot", ("--mode: these runs have no 'cot'. They have: direct.",)),
        ("show r --flips helped", ("--flips: there is no mode beside direct to compare with it", "two runs")),
        ("show r --flips helped --baseline cot", ("--baseline: these runs have no 'cot'. They have: direct.",)),
        ("show r --tag symbolic --tag-rule eq_paper", ("the rule eq_paper says nothing of these questions", "--tag-rule")),
        ("show r sample-x --flips helped", ("--flips: is for lists, and 'sample-x' is one question",)),
    ],
)  # fmt: skip
def test_what_show_does_not_find(line: str, pieces: tuple[str, ...], main: Cli, tmp_path: Path, finished: Path) -> None:
    shutil.copytree(finished, tmp_path / "r")
    check(main(*shlex.split(line)), 3 if "''" in line else 2, *pieces)


@pytest.mark.parametrize(
    ("options", "difference"),
    [
        ("--limit 5", "tasks.sample.questions: 4 -> 5"),
        ("--seed 1", "seed: 0 -> 1"),
        ("--max-tokens 9", "modes.sample/direct.sampling.max_tokens: 128 -> 9"),
        ("--model-args direct=1", "model_args.direct: nothing -> 1"),
    ],
)
def test_a_run_is_not_resumed_as_another_one(
    options: str, difference: str, main: Cli, tmp_path: Path, finished: Path
) -> None:
    shutil.copytree(finished, tmp_path / "r")
    done = main("run", "-q", "--resume", "r", *shlex.split(options))
    check(
        done, 3, "r: can't be resumed, because what its results depend on has changed", difference, "without --resume"
    )


# --- spellings ----------------------------------------------------------------------------------------------------


def test_lm_evals_spellings_work(main: Cli, tmp_path: Path) -> None:
    done = main(
        *shlex.split("run -q --model stub --tasks sample --modes cot,direct --num_fewshot 1 --limit 2 --max_tokens=direct=9"),
        *shlex.split("--model_args cot=1,cot_eq=1 --gen_kwargs temperature=0.5,max_gen_toks=77 --output_path out"),
    )  # fmt: skip
    assert done.code == 0, done.err
    [path] = (tmp_path / "out").glob(f"*/{MANIFEST}")
    options = json.loads(path.read_text())["options"]
    expected = {
        "tasks": ["sample"],
        "modes": ["cot", "direct"],
        "num_fewshot": 1,
        "max_tokens": {"direct": 9},
        "model_args": {"cot": 1, "cot_eq": 1},
        "gen_kwargs": {"temperature": 0.5, "max_tokens": 77},
    }
    assert {key: options[key] for key in expected} == expected


def test_a_cache_that_cannot_be_written(cli: Cli, tmp_path: Path) -> None:
    """Where a data set was found, but `datasets` has no place for its own copy of it."""
    pytest.importorskip("datasets")
    import datasets

    folder = tmp_path / "data" / "openai" / "gsm8k"
    (folder / "main").mkdir(parents=True)
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: main\n  data_files:\n  - split: test\n    path: main/test-*\n---\n"
    )
    rows = datasets.Dataset.from_list([{"question": "One?", "answer": "So.\n#### 1"}])
    rows.to_parquet(folder / "main" / "test-00000-of-00001.parquet")
    env = {"HF_HOME": "/proc/none", "HF_DATASETS_CACHE": "/proc/none/datasets", "COTBENCH_DATA": str(tmp_path / "data")}
    done = cli("run", "--model", "stub", "--task", "gsm8k", "--mode", "cot", "-q", env=env)
    check(done, 3, "task gsm8k: can't load", "/proc/none", "set HF_HOME to a folder that can")


def test_large_things_are_no_mistakes(main: Cli, tmp_path: Path) -> None:
    """A question of a megabyte, and a limit beyond the set."""
    rows = [{"question": f"{'word ' * 200_000}What is {i}?", "answer": str(i)} for i in range(3)]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = main(*shlex.split("run --model stub --task q.jsonl --mode cot,direct --limit 99 -q --json"))
    assert done.code == 0, done.err
    assert json.loads(done.out)["answers"] == 6
    assert main("report").code == 0


@pytest.mark.parametrize("trusted", [False, True])
def test_code_from_the_hub_is_trusted_only_where_it_is_said(trusted: bool, main: Cli) -> None:
    done = main(*shlex.split(RUN), "--json", *(["--trust-remote-code"] if trusted else []))
    assert done.code == 0, done.err
    manifest = json.loads(Path(json.loads(done.out)["folder"], MANIFEST).read_text())
    assert manifest["options"]["trust_remote_code"] is trusted


def test_a_value_keeps_its_underscores(main: Cli) -> None:
    done = main("show-prompt", "--task=no_such_task", "--mode", "cot", "--num_fewshot=0")
    check(done, 2, "there is no task 'no_such_task'")
