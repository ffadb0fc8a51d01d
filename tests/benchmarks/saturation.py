"""Does cotbench keep vLLM busy? Its tokens per second against one bare `LLM.generate` of the same token ids.

    python tests/benchmarks/saturation.py --model FOLDER [--task demo] [--limit N] [--repeat 5]
        [--mode direct,cot,self-consistency] [--paths 5] [--model-args dtype=float32,...] [--lm-eval PYTHON]

Needs vLLM. Each measurement is a process of its own, and they take turns: `bare` hands all prompts of a recorded run to
vLLM at once; `cotbench` is its loop from the first request to the last record, grading and writing included; `modes` is
the same with a loop for each mode, one after another, as other harnesses do it. With --lm-eval, an interpreter that has
vLLM and lm-evaluation-harness, `lm-eval` is its vllm backend on the same rendered prompts, a task for each mode;
counted is the time within its `generate_until` alone. vLLM draws one by one for requests with a seed of their own: all
of the above have one where they sample (lm-eval the same for all, it can't give each its own), and `unseeded` is `bare`
without them, to show what they cost. Loading the model is in none of them. Printed are medians of tokens per second,
their ratios, how much of the prompts vLLM found in its prefix cache, the seconds of CPU of the measuring process and of
vLLM's own processes (where their sum is the cores' whole time, vLLM and harness take it from each other: vLLM's
scheduler spins while it waits), what it takes in all but loading the model (planning and files too, or lm-eval's whole
`simple_evaluate`), and how many steps it took: with --mode direct,cot and few --model-args max_num_seqs those of
`cotbench` against those of `modes` tell what filling the tail saves.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any


class Meter:
    """Seconds on the clock and of CPU, of this process and of vLLM's, between `start` and `stop`, summed up."""

    def __init__(self) -> None:
        self.seconds = self.cpu = self.vllm_cpu = 0.0

    @staticmethod
    def _now() -> tuple[float, float, float]:
        import psutil  # vLLM needs it too

        times = [child.cpu_times() for child in psutil.Process().children(recursive=True)]
        return time.perf_counter(), time.process_time(), sum(one.user + one.system for one in times)

    def start(self) -> None:
        self._started = self._now()

    def stop(self) -> None:
        spent = [now - then for now, then in zip(self._now(), self._started, strict=True)]
        self.seconds, self.cpu, self.vllm_cpu = (
            before + more for before, more in zip((self.seconds, self.cpu, self.vllm_cpu), spent, strict=True)
        )

    def found(self) -> dict[str, float]:
        return {"seconds": self.seconds, "cpu": self.cpu, "vllm_cpu": self.vllm_cpu}


def told(llm: Any) -> dict[str, float]:
    """vLLM's own counts: the share of prompt tokens found in its prefix cache, and steps (a token for all that run)."""
    metrics = {metric.name: metric for metric in llm.get_metrics()}
    asked = metrics["vllm:prefix_cache_queries"].value
    return {
        "hits": metrics["vllm:prefix_cache_hits"].value / asked if asked else 0.0,
        "steps": metrics["vllm:iteration_tokens_total"].count,
    }


def ours(given: argparse.Namespace, modes: list[list[str]], output: Path) -> dict[str, float]:
    """The loop over an engine that is loaded once, for each group of modes in turn."""
    from cotbench.engines import open_engine
    from cotbench.processes import collect_seldom
    from cotbench.runs import loop
    from cotbench.runs import session as runner
    from cotbench.runs.options import RunOptions
    from cotbench.runs.parsing import key_values
    from cotbench.runs.prepare import engine_config, make_plan

    def plan_of(names: list[str]) -> Any:
        return make_plan(
            RunOptions(
                model=given.model, tasks=given.task.split(","), modes=names, engine="vllm", limit=given.limit,
                model_args={**key_values("--model-args", given.model_args), "disable_log_stats": False},
                paths={"self-consistency": given.paths} if "self-consistency" in names else {},
            )
        )  # fmt: skip

    started = time.perf_counter()
    plans = [plan_of(names) for names in modes]
    planning = time.perf_counter() - started
    engine = open_engine("vllm", engine_config(plans[0]))
    engine_close, engine.close = engine.close, lambda: None  # type: ignore[method-assign]
    runner.open_engine = lambda name, config: engine  # type: ignore[assignment]
    collect_seldom()
    meter, tokens = Meter(), 0
    begun = loop.Loop.run

    def timed(self: Any) -> None:
        nonlocal tokens
        meter.start()
        begun(self)
        meter.stop()
        tokens += self.tally.new_tokens

    loop.Loop.run = timed  # type: ignore[method-assign]
    started = time.perf_counter()
    for plan in plans:
        runner.execute(plan, output)
    whole = planning + time.perf_counter() - started
    counts = told(engine._llm)  # type: ignore[attr-defined]
    engine_close()
    return {"whole": whole, **meter.found(), "tokens": tokens, **counts}


def requests_of(run: Path, chat: Any, *, seeds: bool = True) -> tuple[list[Any], list[Any]]:
    """The requests of a recorded run as vLLM takes them: token ids of the prompts, and how each is drawn."""
    import vllm

    from cotbench.store.journal import JournalIndex

    prompts, sampling, plain = [], [], vllm.SamplingParams()
    for row in JournalIndex(run / "journal.jsonl"):
        prompts.append({"prompt_token_ids": chat.token_ids(row.prompt)})
        keys = {key: value for key, value in row.sampling.items() if hasattr(plain, key)}
        keys |= {"stop": keys["stop"] or None, "seed": row.seed if seeds else None}
        sampling.append(vllm.SamplingParams(**keys))
    return prompts, sampling


def bare(given: argparse.Namespace, run: Path, *, seeds: bool = True) -> dict[str, float]:
    """All requests of a recorded run in one call."""
    from cotbench.engines import EngineConfig, open_engine
    from cotbench.runs.parsing import key_values

    arguments = {**key_values("--model-args", given.model_args), "disable_log_stats": False}
    engine = open_engine("vllm", EngineConfig(model=given.model, model_args=arguments))
    chat, llm = engine._chat, engine._llm  # type: ignore[attr-defined]
    prompts, sampling = requests_of(run, chat, seeds=seeds)
    meter = Meter()
    meter.start()
    outputs = llm.generate(prompts, sampling, use_tqdm=False)
    meter.stop()
    tokens = sum(len(path.token_ids) for output in outputs for path in output.outputs)
    counts = told(llm)
    engine.close()
    return {"whole": meter.seconds, **meter.found(), "tokens": tokens, **counts}


def theirs(given: argparse.Namespace, run: Path) -> dict[str, float]:
    """lm-evaluation-harness over the prompts of a recorded run; sampled paths are its `repeats`."""
    from importlib import metadata

    import vllm
    import yaml

    usual = metadata.version  # lm-eval asks for that of the distribution "vllm", which a CPU build needn't be called
    try:
        usual("vllm")
    except metadata.PackageNotFoundError:
        metadata.version = lambda name: f"{vllm.__version__}+cpu" if name == "vllm" else usual(name)

    import lm_eval
    from lm_eval.models.vllm_causallms import VLLM
    from lm_eval.tasks import TaskManager
    from vllm.platforms import current_platform

    from cotbench.store.journal import JournalIndex, StoredReply

    groups: dict[str, list[StoredReply]] = {}
    for row in JournalIndex(run / "journal.jsonl"):
        groups.setdefault(f"{row.template}_{row.sampling['n']}", []).append(row)
    arguments = dict(pair.split("=", 1) for pair in given.model_args.split(",") if pair)
    # As cotbench's engine does: vLLM's CPU build ends when a seeded request is read in parts.
    if current_platform.is_cpu():
        arguments.setdefault("enable_chunked_prefill", "false")
    lm = VLLM(
        pretrained=given.model, add_bos_token=False, enable_prefix_caching=True, disable_log_stats=False,
        **{name: yaml.safe_load(value) for name, value in arguments.items()},
    )  # fmt: skip
    meter, texts = Meter(), []
    generate_until = lm.generate_until

    def timed(*args: Any, **more: Any) -> Any:
        meter.start()
        found = generate_until(*args, **more)
        meter.stop()
        texts.extend(found)
        return found

    lm.generate_until = timed
    with tempfile.TemporaryDirectory() as temporary:
        for name, rows in groups.items():
            file = Path(temporary, f"{name}.jsonl")
            file.write_text("".join(json.dumps({"prompt": row.prompt, "gold": ""}) + "\n" for row in rows))
            asked = rows[0].sampling
            # It cuts prompts that leave too little room for all that may be generated.
            room = lm.max_length - max(len(lm.tokenizer.encode(row.prompt)) for row in rows)
            sampling = (
                {"do_sample": True, "temperature": asked["temperature"], "top_p": asked["top_p"], "seed": 0}
                if asked["temperature"]
                else {"do_sample": False, "temperature": 0.0}
            )
            task = {
                "task": f"bench_{name}",
                "dataset_path": "json",
                "dataset_kwargs": {"data_files": {"test": str(file)}},
                "test_split": "test",
                "output_type": "generate_until",
                "doc_to_text": "{{prompt}}",
                "doc_to_target": "{{gold}}",
                "repeats": asked["n"],
                "generation_kwargs": {"until": [], "max_gen_toks": min(asked["max_tokens"], room), **sampling},
                "filter_list": [{"name": "first", "filter": [{"function": "take_first"}]}],
                "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
            }
            Path(temporary, f"{name}.yaml").write_text(yaml.safe_dump(task))
        started = time.perf_counter()
        lm_eval.simple_evaluate(
            model=lm, tasks=[f"bench_{name}" for name in groups], bootstrap_iters=0,
            task_manager=TaskManager(include_path=temporary, include_defaults=False),
        )  # fmt: skip
        whole = time.perf_counter() - started
    tokens = sum(len(lm.tokenizer.encode(text, add_special_tokens=False)) + 1 for text in texts)  # and the end token
    return {"whole": whole, **meter.found(), "tokens": tokens, **told(lm.model)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    parser.add_argument("--task", default="demo")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--mode", default="direct,cot,self-consistency")
    parser.add_argument("--paths", type=int, default=5)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--model-args", default="")
    parser.add_argument("--without-modes", action="store_true", help="leave `modes` out")
    parser.add_argument(
        "--part",
        choices=["bare", "unseeded", "cotbench", "modes", "lm-eval"],
        help="one measurement, for the script itself",
    )
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--lm-eval", help="a Python with lm_eval and vLLM")
    given = parser.parse_args()
    modes = given.mode.split(",")
    if given.part:
        if given.part in ("cotbench", "modes"):
            result = ours(given, [modes] if given.part == "cotbench" else [[mode] for mode in modes], given.folder)
        else:
            run = next(given.folder.glob("*/journal.jsonl")).parent
            result = theirs(given, run) if given.part == "lm-eval" else bare(given, run, seeds=given.part == "bare")
        print("RESULT " + json.dumps(result))
        return
    found: dict[str, list[dict[str, float]]] = {"cotbench": [], "bare": [], "unseeded": [], "modes": []}
    if given.without_modes:
        del found["modes"]
    if given.lm_eval:
        found["lm-eval"] = []
    with tempfile.TemporaryDirectory() as temporary:
        for turn in range(given.repeat):
            for part, results in found.items():
                folder = Path(
                    temporary,
                    f"{turn}" if part == "cotbench" else f"{turn}-modes" if part == "modes" else "0",
                )
                python = given.lm_eval if part == "lm-eval" else sys.executable
                command = [python, __file__, *sys.argv[1:], "--part", part, "--folder", str(folder)]
                done = subprocess.run(command, capture_output=True, text=True)
                line = next((line for line in done.stdout.splitlines() if line.startswith("RESULT ")), None)
                if line is None:
                    sys.exit(f"{part} failed:\n{done.stderr[-3000:]}")
                results.append(json.loads(line.removeprefix("RESULT ")))
                print(f"round {turn + 1}, {part}: {results[-1]['seconds']:.2f} s", file=sys.stderr, flush=True)
    rates = {part: [one["tokens"] / one["seconds"] for one in results] for part, results in found.items()}
    for part, results in found.items():
        ratios = [ours / base for ours, base in zip(rates[part], rates["bare"], strict=True)]
        names = ("seconds", "cpu", "vllm_cpu")
        times = [f"{statistics.median(one[name] for one in results):.1f}" for name in names]
        print(
            f"{part:9} {statistics.median(rates[part]):8.0f} tokens/s ({statistics.median(ratios):.3f} of bare, "
            f"{min(ratios):.3f} to {max(ratios):.3f})"
            f"  {results[0]['tokens']:,.0f} tokens  prefix cache "
            f"{statistics.median(one['hits'] for one in results):.0%}"
            f"  {statistics.median(one['steps'] for one in results):,.0f} steps"
            f"  {' '.join(times)} s on the clock, of CPU, of vLLM's CPU"
            f"  {statistics.median(one['whole'] for one in results):.1f} s in all"
        )


if __name__ == "__main__":
    main()
