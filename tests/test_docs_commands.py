"""Every `cotbench` command of the README and of docs/, run page by page as it is typed there, in one folder a page.

What stands for something of the reader's is put in its place: a model that isn't here is the stub, a server is one of
the test's, files are small ones of the test's own, RUN is the run before. Where the real data sets aren't here, tasks
are the one that comes along; questions are few, since what is tried is the command.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
from pathlib import Path

import pytest
from conftest import ROOT, Cli
from mock_server import MockServer, says

ELSEWHERE = {
    "adding.md": "test_adding.py",
    "replay.md": "test_replay.py, with the files that it shows",
    "log.md": "what was measured once",
    "parts.md": "no commands",
    "own-data.md": "test_own_data.py",
    "python.md": "test_python_page.py",
}
PAGES = {
    path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))
    if path.name not in ELSEWHERE
}
BLOCK = re.compile(r"^```(?:sh|bash)\n(.*?)^```$", re.M | re.S)
# What stands beside commands of ours, and is no command of ours.
OTHERS = re.compile(
    r"(?:pip|python3?|mkdocs|ray start|export|set -m|wait|trap|run=|#|sbatch|bash|git|curl|cd|\.venv/|[A-Z_]+=)"
)
MODELS = {"X", "Y", "NAME", "$MODEL"}
FILES = {
    "my.jsonl": "".join(json.dumps({"question": f"What is {n} + {n}?", "answer": 2 * n}) + "\n" for n in range(1, 9)),
    "my.csv": "question,answer\n" + "".join(f"What is {n} + {n}?,{2 * n}\n" for n in range(1, 9)),
    "outputs.jsonl": json.dumps({"id": 1, "output": "The answer is $\\frac{1}{2}$.", "gold": "1/2"}) + "\n",
    "exp.yaml": "models: [stub, {model: demo, max-tokens: {cot: 90}}]\ntasks: sample\nmodes: [direct, cot]\nlimit: 4\n",
    "prices.yaml": "in: 1\ncached: 0.1\nout: 4\n",
    "mix.yaml": "symbolic: 60\nnon-symbolic: 40\n",
    "program.py": "ans = 6 * 7\n",
    "plan.txt": "x = 6 * 7\nanswer: x\n",
}


def _sample(n: int, reply: str) -> str:
    """One line as lm-evaluation-harness writes it."""
    row = {
        "doc_id": n,
        "doc": {"question": f"What is {n} + {n}?", "answer": f"#### {2 * n}"},
        "target": f"#### {2 * n}",
        "arguments": {"gen_args_0": {"arg_0": f"Question: What is {n} + {n}?\nAnswer:", "arg_1": {"until": ["\n\n"]}}},
        "resps": [[reply]],
        "filtered_resps": [str(2 * n)],
        "filter": "flexible-extract",
        "metrics": ["exact_match"],
        "exact_match": 1.0,
        "doc_hash": f"{n:064x}",
        "prompt_hash": f"{n + 99:064x}",
        "target_hash": f"{2 * n:064x}",
    }
    return json.dumps(row) + "\n"


FILES["questions.jsonl"] = "".join(
    json.dumps({"id": n, "question": f"What is {n} + {n}?", "answer": f"#### {2 * n}"}) + "\n" for n in range(1, 9)
)
for arm, reply in (("direct", "{}"), ("cot", "So it is {}."), ("pal", "```python\nanswer = twice({0})\n```")):
    FILES[f"predictions_{arm}.jsonl"] = "".join(
        json.dumps({"id": n, "completion": reply.format(n if arm == "pal" else 2 * n), "answer": str(2 * n)}) + "\n"
        for n in range(1, 9)
    )
FILES["helpers.py"] = "def twice(n):\n    return 2 * n\n"
FILES["samples_gsm8k_direct.jsonl"] = "".join(_sample(n, f"The answer is {n + 1}.") for n in range(1, 9))
FILES["samples_gsm8k_cot.jsonl"] = "".join(
    _sample(n, f"{n} + {n} = {2 * n}. The answer is {2 * n}.") for n in range(1, 9)
)


def commands(text: str) -> list[str]:
    """The lines of a page's shell blocks, those that go on joined."""
    lines = [line for block in BLOCK.findall(text) for line in block.replace("\\\n", " ").splitlines()]
    return [line.strip() for line in lines if line.strip()]


def test_every_line_is_a_command_of_ours_or_known() -> None:
    odd = [line for text in PAGES.values() for line in commands(text) if not line.startswith("cotbench ")]
    assert [line for line in odd if not OTHERS.match(line)] == []
    assert sum(len(commands(text)) for text in PAGES.values()) > 40


def as_here(words: list[str], folder: Path, server: str) -> list[str]:
    """A command with what is here in the place of what is the reader's."""
    runs = sorted((folder / "results").glob("*/manifest.json"), key=lambda path: path.stat().st_mtime)
    out: list[str] = []
    for place, word in enumerate(words):
        before = words[place - 1] if place else ""
        if before in ("--model", "--judge-model") and (word in MODELS or "/" in word):
            served = "--engine" in words if before == "--model" else "--judge-base-url" in words
            word = "m" if served else "stub"
        elif before == "--task" and not os.environ.get("COTBENCH_DATA") and not word.endswith((".jsonl", ".csv")):
            word = word if word in ("demo", "sample") else "sample"
        elif before in ("--base-url", "--judge-base-url"):
            word = server
        elif before == "--fail-if":
            word = word.replace("mmlu", "sample").replace("gsm8k", "sample")
        elif word in ("RUN", "RUN1"):
            word = runs[-1].parent.name
        elif word == "RUN2":
            word = runs[0].parent.name
        elif re.fullmatch(r"[a-z0-9]+-[0-9a-f]{4}", word):
            lines = (runs[-1].parent / "questions.jsonl").read_text().splitlines()
            word = json.loads(lines[0])["id"]
        elif before == "--model-args" or (before == "--ray-address" and words[1] == "run"):  # of what isn't here
            out.pop()
            continue
        elif before == "--engine" and word == "ray":
            word = "ray" if importlib.util.find_spec("ray") else "stub"
        elif word == "&":
            continue
        out.append(word)
    few = "40" if "free,think" in words else "12" if "demo" in words or "demo-thinker" in words else "4"
    if words[:2] == ["cotbench", "run"] and "--resume" not in words:
        if "--limit" in out:
            out[out.index("--limit") + 1] = few
        elif not any(word.endswith((".yaml", ".jsonl", ".csv")) for word in out):
            out += ["--limit", few]
    if "ray" in out and words[:2] == ["cotbench", "run"]:
        out += ["--model-args", "engine=stub,replicas=1"]
    return out


@pytest.mark.patient
@pytest.mark.parametrize(
    "page", [page for page, text in PAGES.items() if any(c.startswith("cotbench ") for c in commands(text))]
)
def test_the_commands_of_a_page(page: str, tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, content in FILES.items():
        (tmp_path / name).write_text(content)
    monkeypatch.setenv("AZURE_KEY", "k")
    monkeypatch.setenv("COLUMNS", "80")
    if page == "docs/experiments.md":
        [content] = re.findall(r"^```yaml\n(# yaml-language-server.*?)^```$", PAGES[page], re.M | re.S)
        (tmp_path / "exp.yaml").write_text(content.replace("limit: 50", "limit: 4"))
    if page == "docs/report.md":  # is about runs that there are
        for modes in ("free", "direct,cot"):
            assert main("run", "--model", "stub", "--task", "sample", "--mode", modes, "--limit", "8").code == 0
    with MockServer(says("The answer is 3.")) as server:
        for line in commands(PAGES[page]):
            if not line.startswith("cotbench "):
                continue
            words = as_here(shlex.split(line, comments=True), tmp_path, server.url)
            done = main(*words[1:])
            assert done.code in (0, 5), f"{line}\n{shlex.join(words)}\n{done.out[-2000:]}{done.err[-3000:]}"
            assert "Traceback" not in done.err
