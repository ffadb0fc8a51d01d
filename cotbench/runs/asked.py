"""What is checked before a run is planned, and said when it is over, whoever starts it: a command, or Python."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cotbench.errors import RequestsFailed, UsageError

if TYPE_CHECKING:
    from cotbench.runs.session import RunResult


def refuse_engine_as_model(model: str, given: Mapping[str, Any]) -> None:
    """Refuse a line of lm-eval's, where --model names the engine and the model is in --model_args."""
    pretrained = given["model_args"].get("pretrained") or given["model_args"].get("model")
    if model in ("vllm", "hf", "openai", "local-chat-completions", "local-completions") or pretrained:
        engine = {"hf": "transformers", "vllm": "vllm"}.get(model, "openai")
        raise UsageError(
            f"--model is '{model}': in cotbench --model names the model, and --engine what runs it.",
            f"As in: --engine {engine} --model {pretrained or 'NAME'} (and leave 'pretrained' out of --model-args).",
        )


def failed_requests(result: RunResult) -> RequestsFailed | None:
    """The error of a run of which requests failed; None where all have their answers."""
    tally = result.tally
    failed = tally.outcomes["engine_error"]
    if not failed:
        return None
    from cotbench.engines.replay import lacks
    from cotbench.runs.loop import JUDGE_DECLINED

    [(reason, times)] = tally.errors.most_common(1)
    return RequestsFailed(
        f"{failed:,} of {tally.done:,} answers are missing because their requests failed; they count nowhere. "
        f"Most often ({times:,}): {reason}",
        "It is on record that it would not; another judge is another run: --judge-model NAME."
        if reason.startswith(JUDGE_DECLINED)
        else f"Add them to the file, and run the same command again: another file is another run. What was asked: "
        f"cotbench show {result.folder} QUESTION --prompts"
        if lacks(reason)
        else f"Ask for them again: cotbench run --resume {result.folder}",
    )
