"""Measure cotbench on a GPU: install what `pack.py` packed, run the arms, and write one table.

    python tests/gpu/run.py               collect the pieces that have come; once all are there, everything else
    python tests/gpu/run.py --probe       only say what this machine has (machine.txt)
    python tests/gpu/run.py --cpu         the same with vLLM's CPU build and a few questions, to try all but the GPU

Needs a Python that has torch and pip, nothing else; nothing is downloaded, and that Python's packages stay as they are.
What is there from an earlier call (pieces, wheels, environment, model) is used again. Each step has a limit of time,
and all together have --seconds; the table is written whatever happens, of what was measured until then. In --out:
`table.md`, `result.json`, `log.txt`, `machine.txt`, and `runs.tar.gz`, the recorded runs.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import tarfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pieces import PieceError, collect, join
from table import table

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
THINKER = ROOT / "cotbench" / "demo" / "thinker"
PLAIN = "direct,direct@answer=asked,direct@answer=likeliest,cot,free,draft,self-consistency"
THINKING = "direct,cot,free,no-think,think,think@budget=0|16|32|48|64"
BOTH = "direct,cot,free,no-think,think,think@budget=256,self-consistency"
SATURATE = "free,cot,self-consistency"
QUIET = {
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PYTHONUNBUFFERED": "1",
}
ON_CPU = {"OMP_NUM_THREADS": "1", "VLLM_CPU_KVCACHE_SPACE": "1"}
RESERVE = 20.0  # seconds that are left for the table
FOR_REPORTS = 45.0  # and, while arms are run, for reports on them
SLOWER = 5  # how much longer a step may take on a CPU


class Failed(Exception):
    """A step that can't be done; its text says why."""


class Steps:
    """The steps so far, each with its seconds and how it ended."""

    def __init__(self, seconds: float, log: Path, slower: float) -> None:
        self._ends = time.monotonic() + seconds
        self._log, self._slower = log, slower
        self.done: list[dict[str, Any]] = []

    def left(self) -> float:
        return self._ends - time.monotonic()

    def take(self, name: str, do: Callable[[], str]) -> bool:
        """Do a step, and say how many seconds it took and how it ended; whether it was done."""
        started = time.monotonic()
        try:
            told, done = do(), True
        except (Failed, PieceError, OSError) as error:
            told, done = f"FAILED: {error}", False
        seconds = round(time.monotonic() - started, 1)
        self.done.append({"step": name, "seconds": seconds, "done": done, "told": told})
        print(f"{name}: {seconds} s{', ' if told else ''}{told}", flush=True)
        return done

    def command(
        self, command: Sequence[object], limit: float, env: dict[str, str], keep: Path | None = None, spare: float = 0
    ) -> str:
        """Run a command within its limit and what is left of the time. Raises Failed where it fails or is ended.

        keep: a file for what it prints, instead of the log. spare: seconds that are to be left besides."""
        limit = min(limit * self._slower, self.left() - RESERVE - spare)
        if limit <= 0:
            raise Failed("no time is left")
        words = [str(word) for word in command]
        place = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log, keep.open("wb") if keep else self._log.open("ab") as out:
            log.write(f"\n$ {' '.join(words)}\n".encode())
            log.flush()
            process = subprocess.Popen(
                words, cwd=ROOT, env={**os.environ, **env}, stdin=subprocess.DEVNULL, stdout=out, stderr=log,
                start_new_session=True,
            )  # fmt: skip
            try:
                code = process.wait(limit)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                end(process)
        if code is None:
            raise Failed(f"ended at its limit of {limit:.0f} s")
        if code:
            last = self._log.read_bytes()[place:].decode(errors="replace").strip().splitlines()[-12:]
            raise Failed("exit code {}\n    {}".format(code, "\n    ".join(last)))
        return ""


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started."""
    for number, patience in ((signal.SIGTERM, 10), (signal.SIGKILL, 10)):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def probe(out: Path) -> str:
    """Write what this machine has: packages as `pack.py --have` reads them, and in a comment the rest."""

    def said(*command: str) -> str:
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=30).stdout.strip()
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{command[0]}: {error}"

    free = shutil.disk_usage(ROOT).free / 2**30
    about = [
        f"Python {sys.version.split()[0]} at {sys.executable}, {os.cpu_count()} cores, {free:.0f} GiB of disk free",
        *said("nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader").splitlines(),
        said("ldd", "--version").partition("\n")[0],
    ]
    names = {(found.metadata["Name"], found.version) for found in importlib.metadata.distributions()}
    lines = [*(f"# {line}" for line in about), *sorted(f"{name}=={version}" for name, version in names if name)]
    (out / "machine.txt").write_text("\n".join(lines) + "\n")
    return "; ".join(about)


def unpack(work: Path, pack: str) -> str:
    mark = work / "carried" / ".pack"
    if mark.exists() and mark.read_text() == pack:
        return "as before"
    shutil.rmtree(work / "carried", ignore_errors=True)
    shutil.rmtree(work / "venv", ignore_errors=True)
    join(work / "kept", work / "carried")
    mark.write_text(pack)
    return f"{sum(1 for path in (work / 'carried').rglob('*') if path.is_file())} files"


def install(steps: Steps, work: Path, given: argparse.Namespace) -> str:
    """Make an environment that sees this Python's packages, and put the carried wheels before them."""
    venv, wheels = work / "venv", sorted((work / "carried" / "wheels").glob("*.whl"))
    mark = venv / ".complete"
    if mark.exists():
        return "as before"
    shutil.rmtree(venv, ignore_errors=True)
    steps.command([sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", venv], 60, QUIET)
    # A Python that is itself of a virtual environment has packages that `--system-site-packages` doesn't mean.
    [site] = venv.glob("lib/python*/site-packages")
    seen = dict.fromkeys(path for path in sys.path if Path(path).name in ("site-packages", "dist-packages"))
    (site / "before.pth").write_text("".join(f"{path}\n" for path in seen))
    if wheels:
        pip = [sys.executable, "-m", "pip", "--python", venv / "bin" / "python"]
        steps.command(
            [*pip, "install", "--no-index", "--no-deps", "--no-compile", "--no-cache-dir", *wheels], 180, QUIET
        )
    try:
        steps.command([venv / "bin" / "python", "-c", CHECK, sysconfig.get_paths()["purelib"]], 120, given.env)
    except Failed as error:
        raise Failed(f"vLLM can't be used: {error}") from None
    mark.touch()
    return f"{len(wheels)} wheels"


CHECK = """
import sys, torch, vllm, transformers
import vllm.v1.engine.llm_engine, vllm.v1.worker.gpu_model_runner
print("torch", torch.__version__, torch.__file__, "CUDA", torch.cuda.is_available())
print("vllm", vllm.__version__, "transformers", transformers.__version__, "beside", sys.argv[1])
"""


def prepare(steps: Steps, work: Path, given: argparse.Namespace) -> str:
    """Make SmolLM2's folder of the carried GGUF file."""
    if (work / "models" / "made.json").exists():
        return "as before"
    script = ROOT / "tests" / "measure" / "smollm2.py"
    return steps.command([given.python, script, "--plain", work / "models"], 120, given.env)


def models_of(work: Path, given: argparse.Namespace) -> list[dict[str, Any]]:
    """The models to be run, each with its arms."""
    rows = []
    if (smollm2 := work / "models" / "smollm2").is_dir():
        rows.append({"name": "smollm2", "path": smollm2, "arms": PLAIN, "saturate": SATURATE, "limit_s": 270})
    rows.append({"name": "thinker", "path": THINKER, "arms": THINKING, "saturate": "", "limit_s": 150})
    found = [f"{path.name}={path}" for path in sorted((work / "carried" / "models").glob("*"))]
    for value in [*found, *given.model]:
        name, _, path = value.rpartition("=")
        name = name or Path(path).name
        rows.append({"name": name, "path": Path(path), "arms": BOTH, "saturate": SATURATE, "limit_s": 300})
    if given.arms:
        rows = [{**row, "arms": given.arms} for row in rows]
    return [row for row in rows if not given.only or row["name"] in given.only.split(",")]


def tasks_of(data: str | None, given: argparse.Namespace) -> str:
    """What SmolLM2 and larger models are asked; the thinker knows only its own task."""
    if given.task:
        return str(given.task)
    return "mmlu" if data and (Path(data) / "cais" / "mmlu").is_dir() else "sample"


def measure(steps: Steps, row: dict[str, Any], runs: Path, given: argparse.Namespace) -> str:
    """Run a model's arms, and those that are to show it against bare vLLM."""
    task = "demo" if row["name"] == "thinker" else given.task
    command: list[object] = [
        given.python, HERE / "arms.py", "--model", row["path"], "--name", row["name"], "--runs", runs / row["name"],
        "--results", runs / "results.jsonl", "--arms", row["arms"], "--task", task, "--limit", given.limit,
        "--paths", given.paths, "--repeat", given.repeat, "--model-args", given.model_args,
        "--saturate", row["saturate"],
    ]  # fmt: skip
    command += [] if row["name"] == "thinker" else ["--max-tokens", given.max_tokens]  # it ends by itself
    command += ["--data", given.data] if given.data else []
    try:
        return steps.command(command, row["limit_s"], given.env, spare=FOR_REPORTS)
    except Failed:
        told = [one for one in lines(runs / "results.jsonl") if (one["kind"], one["model"]) == ("failed", row["name"])]
        if told:
            raise Failed(told[-1]["why"]) from None
        raise


def as_users_do(steps: Steps, row: dict[str, Any], runs: Path, given: argparse.Namespace) -> str:
    """Run two arms by the command itself, vLLM's start included."""
    out = runs / "command.json"
    command = [
        given.python, "-m", "cotbench", "run", "--model", row["path"], "--task", given.task, "--mode", "direct,cot",
        "--limit", given.limit, "--max-tokens", given.command_tokens, "--model-args", given.model_args,
        "--output-dir", runs / "command", "--json", "--quiet",
    ]  # fmt: skip
    steps.command(command, 120, given.env, keep=out, spare=FOR_REPORTS)
    found = json.loads(out.read_text())
    return f"{found['answers']} answers: {found['outcomes']}"


def report(steps: Steps, name: str, runs: Path, given: argparse.Namespace) -> str:
    """Report a model's runs together, arm by arm."""
    rows = lines(runs / "results.jsonl")
    folders = [row["run"] for row in rows if row["kind"] == "arm" and row["model"] == name]
    if not folders:
        raise Failed("no arm was measured")
    command = [given.python, "-m", "cotbench", "report", *folders, "--json"]
    return steps.command(command, 90, given.env, keep=runs / f"report-{name}.json")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def write(out: Path, runs: Path, steps: Steps, given: argparse.Namespace) -> str:
    """Write the table, and all that it is made of."""
    results = lines(runs / "results.jsonl")
    reports = {}
    for path in sorted(runs.glob("report-*.json")):
        text = path.read_text()
        if text.strip():
            whole = json.loads(text)
            reports[path.stem.removeprefix("report-")] = {name: whole[name] for name in ("modes", "audits")}
    settings = {
        name: getattr(given, name) for name in ("cpu", "task", "limit", "paths", "repeat", "max_tokens", "model_args")
    }
    machine = (out / "machine.txt").read_text().splitlines()
    found = {
        "machine": [line[2:] for line in machine if line.startswith("# ")],
        "settings": settings,
        "steps": steps.done,
        "results": results,
        "reports": reports,
    }
    (out / "result.json").write_text(json.dumps(found, indent=1) + "\n")
    (out / "table.md").write_text(table(found))
    with tarfile.open(out / "runs.tar.gz", "w:gz") as archive:
        archive.add(runs, arcname="runs", filter=lambda one: None if one.name.endswith(".lock") else one)
    return f"{out / 'table.md'}"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cpu", action="store_true", help="small limits, and vLLM's settings for a CPU")
    parser.add_argument("--probe", action="store_true", help="write machine.txt, and stop")
    parser.add_argument("--seconds", type=float, help="for all steps together; else 560, with --cpu 3,000")
    parser.add_argument("--model", action="append", default=[], metavar="[NAME=]FOLDER",
                        help="another model, of this machine's disk")  # fmt: skip
    parser.add_argument("--only", help="of the models, as smollm2,thinker")
    parser.add_argument("--arms", help="instead of those that each model has")
    parser.add_argument("--task", help="of all but the thinker; else mmlu where its data are, else sample")
    parser.add_argument("--limit", type=int, help="questions; else 400, with --cpu 8")
    parser.add_argument("--paths", type=int, help="of self-consistency; else 5, with --cpu 3")
    parser.add_argument("--repeat", type=int, help="turns against bare vLLM; else 3, with --cpu 1")
    parser.add_argument("--model-args", help="vLLM's arguments; else dtype=bfloat16")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "gpu", help="kept from one call to the next")
    parser.add_argument("--out", type=Path, default=os.environ.get("OUT"), help="else $OUT, or out/ under --work")
    given = parser.parse_args()
    given.seconds = given.seconds or (3_000 if given.cpu else 560)
    given.limit = given.limit or (8 if given.cpu else 400)
    given.paths = given.paths or (3 if given.cpu else 5)
    given.repeat = given.repeat or (1 if given.cpu else 3)
    if given.model_args is None:
        on_cpu = "dtype=float32,gpu_memory_utilization=0.3,enforce_eager=true"
        given.model_args = on_cpu if given.cpu else "dtype=bfloat16"
    tokens = 32 if given.cpu else 400
    given.command_tokens = f"cot={tokens}"
    given.max_tokens = ",".join(f"{mode}={tokens}" for mode in ("cot", "free", "draft", "self-consistency"))
    given.work = given.work.resolve()
    given.out = (given.out or given.work / "out").resolve()
    return given


def data_folder(work: Path) -> str | None:
    """The folder with data sets: COTBENCH_DATA, else one that was carried, else shared/data."""
    places = [os.environ.get("COTBENCH_DATA"), work / "carried" / "data", ROOT / "shared" / "data"]
    return next((str(place) for place in places if place and Path(place).is_dir()), None)


def main() -> None:
    given = arguments()
    # Steps are process groups of their own, which outlive this process unless it ends them.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    given.out.mkdir(parents=True, exist_ok=True)
    work: Path = given.work
    work.mkdir(parents=True, exist_ok=True)
    log = given.out / "log.txt"
    log.write_bytes(b"")
    steps = Steps(given.seconds, log, SLOWER if given.cpu else 1)
    steps.take("machine", lambda: probe(given.out))
    if given.probe:
        return
    try:
        kept = collect(work / "pieces", work / "kept")
    except PieceError as error:
        sys.exit(str(error))
    if kept.missing:
        print(f"{len(kept.there)} pieces are here; still to come: {', '.join(kept.missing)}")
        return
    given.data = data_folder(work)
    given.task = tasks_of(given.data, given)
    data = {"COTBENCH_DATA": given.data} if given.data else {}
    given.env = {**QUIET, **(ON_CPU if given.cpu else {}), **data, "PYTHONPATH": str(ROOT)}
    given.python = work / "venv" / "bin" / "python"
    if kept.pack and not steps.take("unpack", lambda: unpack(work, kept.pack)):
        sys.exit(1)
    if not steps.take("install", lambda: install(steps, work, given)):
        sys.exit(1)
    steps.take("prepare SmolLM2", lambda: prepare(steps, work, given))
    runs = work / "runs"
    shutil.rmtree(runs, ignore_errors=True)
    runs.mkdir()
    models = models_of(work, given)
    try:
        for row in models:
            steps.take(f"arms of {row['name']}", lambda row=row: measure(steps, row, runs, given))  # type: ignore[misc]
            # At once, so that a later step that takes all the time leaves a whole table.
            steps.take(f"report on {row['name']}", lambda row=row: report(steps, row["name"], runs, given))  # type: ignore[misc]
        for row in models[:1]:
            steps.take("cotbench run", lambda row=row: as_users_do(steps, row, runs, given))  # type: ignore[misc]
    finally:
        steps.take("table", lambda: write(given.out, runs, steps, given))
    print((given.out / "table.md").read_text())
    if not all(step["done"] for step in steps.done):
        sys.exit(1)


if __name__ == "__main__":
    main()
