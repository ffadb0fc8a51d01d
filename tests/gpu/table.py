"""The table of a measurement, in Markdown, of what `run.py` found."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def _rows(head: Sequence[str], body: Iterable[Sequence[str]], words: Sequence[str]) -> list[str]:
    """A Markdown table; to the left stand the columns that hold words, to the right the others."""
    lines = [head, ["---" if name in words else "---:" for name in head], *body]
    return [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines]


def _percent(share: Any) -> str:
    return "–" if share is None else f"{100 * share:.1f}"


def _number(value: Any, digits: int = 1) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def _arms(found: Mapping[str, Any]) -> list[str]:
    head = ["model", "arm", "thinks", "task", "n", "right %", "without courtesy", "unread %", "continued", "cut %",
            "tokens", "of thought", "seconds", "answers/s", "tokens/s", "prompts cached %"]  # fmt: skip
    body = []
    for row in found["results"]:
        if row["kind"] == "refused":
            body.append([row["model"], row["arm"], f"refused: {row['why']}", *[""] * (len(head) - 3)])
        if row["kind"] != "arm":
            continue
        run = row["run"].rstrip("/").rpartition("/")[2]
        report = found["reports"].get(row["model"], {"modes": [], "audits": []})
        modes = [one for one in report["modes"] if one["run"] == run and one["tag"] == "all"]
        audits = {(one["task"], one["mode"]): one for one in report["audits"]}
        seconds = max(row["seconds"], 1e-9)
        speed = [
            _number(row["seconds"]), _number(row["answers"] / seconds), _number(row["tokens"] / seconds, 0),
            _percent(row["cached"]),
        ]  # fmt: skip
        if not modes:
            body.append([row["model"], row["arm"], *["–"] * 10, *speed])
        for place, one in enumerate(modes):
            audit = audits.get((one["task"], one["mode"]), {})
            by = audit.get("thinks_by")
            quality = [
                f"{audit.get('thinks', '–')}{f' ({by})' if by else ''}", one["task"], str(one["n"]),
                _percent(one["accuracy"]), _percent(audit.get("accuracy_without")), _percent(one["unread"]),
                str(audit.get("continued", "–")), _percent(one["truncated"]),
                *(_number(one[name]) for name in ("mean_completion_tokens", "mean_reasoning_tokens")),
            ]  # fmt: skip
            # Seconds are the whole run's, so they stand once.
            body.append([row["model"], one["mode"], *quality, *(speed if place == 0 else [""] * len(speed))])
    return _rows(head, body, ("model", "arm", "thinks", "task"))


def _saturation(found: Mapping[str, Any]) -> list[str]:
    pairs: dict[tuple[str, str], dict[str, dict[int, Any]]] = {}
    for row in found["results"]:
        if row["kind"] in ("bare", "ours"):
            turns = pairs.setdefault((row["model"], row["arm"]), {"bare": {}, "ours": {}})
            turns[row["kind"]][row["turn"]] = row
    head = ["model", "arm", "turns", "requests", "tokens, ours", "bare", "tokens/s, ours", "bare", "ratio",
            "least to most", "prompts cached %, ours", "bare"]  # fmt: skip
    body = []
    for (model, arm), kinds in pairs.items():
        both = sorted(kinds["bare"].keys() & kinds["ours"].keys())
        if not both:
            continue
        ours, bare = [kinds["ours"][turn] for turn in both], [kinds["bare"][turn] for turn in both]
        speeds = [[row["tokens"] / max(row["seconds"], 1e-9) for row in rows] for rows in (ours, bare)]
        ratios = [one / max(other, 1e-9) for one, other in zip(*speeds, strict=True)]
        body.append([
            model, arm, str(len(both)), f"{ours[0]['requests']:,}",
            *(_number(statistics.median(row["tokens"] for row in rows), 0) for rows in (ours, bare)),
            *(_number(statistics.median(rates), 0) for rates in speeds),
            _number(statistics.median(ratios), 3), f"{min(ratios):.3f} to {max(ratios):.3f}",
            *(_percent(statistics.median(row["cached"] for row in rows)) for rows in (ours, bare)),
        ])  # fmt: skip
    return _rows(head, body, ("model", "arm")) if body else ["Nothing was measured against bare vLLM."]


def table(found: Mapping[str, Any]) -> str:
    """Make the whole text: the machine, the arms, cotbench against bare vLLM, and the steps with their seconds."""
    loaded = [
        f"{row['model']}: vLLM {row['vllm']}, {row['device']}, {row['dtype']}, loaded in {row['seconds']:.1f} s"
        for row in found["results"] if row["kind"] == "loaded"
    ]  # fmt: skip
    settings = ", ".join(f"{name} {value}" for name, value in found["settings"].items())
    steps = [
        [step["step"], "done" if step["done"] else "FAILED", _number(step["seconds"]), step["told"].partition("\n")[0]]
        for step in found["steps"]
    ]
    parts = [
        ["# Arms on this machine", "", *(f"* {line}" for line in [*found["machine"], *loaded, settings])],
        ["## Arms", "", *_arms(found), "",
         "Seconds: from an arm's first request to its last record, alone on a loaded vLLM with an empty prefix cache; "
         "tokens/s: new tokens in these. Answers of one question by several paths are one. Continued: replies without "
         "an answer line that were continued with its words; without courtesy: right, if they hadn't been."],
        ["## Against bare vLLM", "", *_saturation(found), "",
         "The same requests (token ids, sampling, seeds) in one `LLM.generate`, in turns with ours on the same vLLM, "
         "the prefix cache emptied before each; medians. Ours writes, reads and grades within its seconds."],
        ["## Steps", "", *_rows(["step", "", "seconds", "said"], steps, ("step", "", "said"))],
    ]  # fmt: skip
    return "\n\n".join("\n".join(part) for part in parts) + "\n"
