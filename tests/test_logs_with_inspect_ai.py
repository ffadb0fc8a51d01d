"""Logs that Inspect itself writes are read here as Inspect's own reader reads them. Needs inspect_ai."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

inspect_ai = pytest.importorskip("inspect_ai")

from inspect_ai import Epochs, Task  # noqa: E402
from inspect_ai.dataset import MemoryDataset  # noqa: E402
from inspect_ai.dataset import Sample as TheirSample  # noqa: E402
from inspect_ai.log import read_eval_log  # noqa: E402
from inspect_ai.model import (  # noqa: E402
    ChatCompletionChoice,
    ChatMessageAssistant,
    ContentReasoning,
    ContentText,
    ModelOutput,
    ModelUsage,
    get_model,
)
from inspect_ai.scorer import choice, includes, match, value_to_float  # noqa: E402
from inspect_ai.solver import generate, multiple_choice, system_message  # noqa: E402

from cotbench.logs import inspect_logs  # noqa: E402
from cotbench.logs.formats import ReadOptions  # noqa: E402
from cotbench.logs.log import Log  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


def replies() -> Iterator[ModelOutput]:
    for number in range(1000):
        content = [
            ContentReasoning(reasoning=f"thought {number} " + "long " * 60),
            ContentText(text=f"It is {number}.\nANSWER: {'ABCD'[number % 4]}"),
        ]
        ending = "stop" if number % 5 else "max_tokens"
        told = ChatCompletionChoice(message=ChatMessageAssistant(content=content), stop_reason=ending)
        usage = ModelUsage(
            input_tokens=10,
            output_tokens=20 + number,
            total_tokens=30 + number,
            input_tokens_cache_read=3,
            reasoning_tokens=7,
        )
        yield ModelOutput(model="mockllm/model", choices=[told], usage=usage)


def run(folder: Path, task: Task, form: str) -> Path:
    model = get_model("mockllm/model", custom_outputs=replies())
    [log] = inspect_ai.eval(
        task, model=model, log_dir=str(folder), log_format=form, display="none", temperature=0.7, max_tokens=99
    )
    assert log.status == "success", log.error
    return Path(log.location)


def letters() -> Task:
    samples = [
        TheirSample(
            input=f"Which letter is number {at}? " + "long " * 60,
            choices=["one", "two", "three", "four"],
            target="ABCD"[at % 4],
            id=f"q/{at}",
            metadata={"subject": f"s{at % 2}"},
        )
        for at in range(6)
    ]
    return Task(
        dataset=MemoryDataset(samples, name="letters"),
        solver=[system_message("Be brief."), multiple_choice(cot=True)],
        scorer=choice(),
        epochs=Epochs(2, "mean"),
        name="letters",
    )


def numbers() -> Task:
    samples = [TheirSample(input=f"What is {at}?", target=[str(at), f"{at}.0"]) for at in range(5)]
    return Task(dataset=MemoryDataset(samples), solver=[generate()], scorer=[match(), includes()], name="numbers")


def same(log: Log, path: Path) -> None:
    theirs = read_eval_log(str(path), resolve_attachments=True)
    number = value_to_float()
    ours = {sample.name: sample for sample in log.samples(None)}
    rows: dict[str, list[Any]] = {}
    for row in theirs.samples or []:
        rows.setdefault(str(row.id), []).append(row)
    assert ours.keys() == rows.keys()
    for name, epochs in rows.items():
        sample = ours[name]
        assert len(sample.outputs) == len(epochs)
        for at, row in enumerate(sorted(epochs, key=lambda row: row.epoch)):
            output, [told] = sample.outputs[at], row.output.choices
            assert sample.question == row.input
            assert list(sample.choices) == (row.choices or [])
            assert list(sample.target) == ([row.target] if isinstance(row.target, str) else row.target)
            assert output.text == told.message.text
            assert output.reasoning == told.message.content[0].reasoning
            assert output.finish_reason == ("length" if told.stop_reason == "max_tokens" else "stop")
            assert output.completion_tokens == row.output.usage.output_tokens
            assert output.prompt_tokens == 13
            for scorer, score in row.scores.items():
                assert sample.readings[scorer].scores[at] == number(score.value)
                assert sample.readings[scorer].answers[at] == score.answer
    told = {(one.name, name): metric.value for one in theirs.results.scores for name, metric in one.metrics.items()}
    for figure in log.figures:
        assert figure.value == told[figure.reading, figure.name]
        scores = [score for sample in ours.values() for score in sample.readings[figure.reading].scores]
        assert figure.value == pytest.approx(sum(scores) / len(scores))


@pytest.mark.parametrize("form", ["eval", "json"])
@pytest.mark.parametrize("task", [letters, numbers])
def test_a_log_of_inspect_itself(tmp_path: Path, task: Any, form: str) -> None:
    path = run(tmp_path, task(), form)
    assert inspect_logs.tells(path)
    [log] = inspect_logs.read(path, ReadOptions())
    assert (log.model, log.sampling["temperature"], log.sampling["max_tokens"]) == ("mockllm/model", 0.7, 99)
    assert not log.notes
    assert log.figures
    same(log, path)


def test_a_log_in_pieces(tmp_path: Path) -> None:
    chunked = pytest.importorskip("inspect_ai.log._recorders.chunked")
    path = run(tmp_path / "whole", letters(), "eval")
    (tmp_path / "pieces").mkdir()
    chunked.convert_eval_logs_to_chunked(str(path), str(tmp_path / "pieces"))
    [found] = (tmp_path / "pieces").glob("*.eval")
    [log] = inspect_logs.read(found, ReadOptions())
    same(log, path)
