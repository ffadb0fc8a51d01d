"""Best of n and refine, driven by hand and through runs: what is asked, what is chosen, what is on record."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from mock_server import Json, MockServer, chat, fault

from cotbench.modes import Compare, Continue, Generate, Kit, find_mode, judged
from cotbench.modes.scores import shown_of
from cotbench.types import AnswerType, Completion, Message, Outcome, Prediction, Question, Request, Sampling

QUESTION = Question(id="q", task="t", text="How many?")
JUDGE = ("--judge-model", "big/judge", "--judge-engine", "stub")


class HandKit(Kit):
    """A kit without a task: requests carry their turn and what it was given."""

    def request(self, question: Question, turn: str = "", **given: Any) -> Request:
        text = f"{question.text}|{turn}|{json.dumps(given)}"
        return Request(messages=(Message(role="user", text=text),), sampling=Sampling(max_tokens=9))


def said(text: str, finish: Any = "stop", **more: Any) -> Completion:
    return Completion(text=text, finish_reason=finish, **more)


def drive(arm: str, *answers: Any) -> tuple[Prediction, list[Any]]:
    """An arm's prediction, and the steps it took, when its steps are answered in turn; answers differ by default."""
    mode = find_mode(arm)
    flow = mode.run(QUESTION, HandKit(mode=mode, answer_type=AnswerType.NUMBER))
    step = next(flow)
    steps: list[Any] = []
    left = list(answers)
    try:
        while True:
            steps.append(step)
            step = flow.send([False] * len(step.items) if isinstance(step, Compare) else left.pop(0))
    except StopIteration as end:
        assert not left, "the flow wants fewer answers"
        return end.value, [one for one in steps if isinstance(one, Generate)]


def asked(step: Any) -> list[tuple[str, dict[str, Any]]]:
    """The turns of a step, with what each was given."""
    parts = [item.messages[0].text.split("|", 2) for item in step.items]
    return [(turn, json.loads(given)) for _, turn, given in parts]


def paths(*texts: str) -> list[tuple[Completion, ...]]:
    return [tuple(map(said, texts))]


def marks(*texts: str) -> list[tuple[Completion, ...]]:
    return [(said(text),) for text in texts]


# --- best of n, by marks ------------------------------------------------------------------------------------------


def test_the_answer_of_the_path_with_the_highest_mark_is_taken_whatever_most_say() -> None:
    texts = ("Answer: 7", "So. Answer: 7", "Answer: 8")
    prediction, steps = drive("best-of-n", paths(*texts), marks("Score: 3", "Score: 4", "Score: 9"))
    assert (prediction.answer, prediction.rule) == ("8", "contract")
    votes = prediction.votes
    assert votes is not None
    assert (votes.answers, votes.ballots, votes.scores) == (("7", "8"), (0, 0, 1), (3.0, 4.0, 9.0))
    assert [node.kept for node in prediction.nodes] == [False, False, True]
    assert [node.value for node in prediction.nodes] == [3.0, 4.0, 9.0]
    assert [node.ballot for node in prediction.nodes] == [0, 1, 2]
    assert next((node.judged[0].text, node.text) for node in prediction.nodes) == ("Score: 3", "Answer: 7")
    assert asked(steps[1]) == [("judge", {"solution": text}) for text in texts]
    assert [item.after[0].text for item in steps[1].items] == list(texts)


def test_of_equal_marks_the_earlier_path_is_taken() -> None:
    prediction, _ = drive("best-of-n", paths("Answer: 7", "Answer: 8"), marks("Score: 0", "Score: 0"))
    assert prediction.answer == "7"
    prediction, _ = drive("best-of-n", paths("Answer: 7", "Answer: 8"), marks("Score: 5", "Score: 5.0"))
    assert prediction.answer == "7"


def test_a_path_without_an_answer_is_not_asked_about_and_equal_ones_once() -> None:
    texts = ("no idea", "Answer: 7", "Answer: 7", "Answer: 8")
    prediction, steps = drive("best-of-n", paths(*texts), marks("Score: 2", "Score: 1"))
    assert asked(steps[1]) == [("judge", {"solution": "Answer: 7"}), ("judge", {"solution": "Answer: 8"})]
    assert prediction.votes is not None
    assert prediction.votes.scores == (None, 2.0, 2.0, 1.0)
    assert prediction.answer == "7"
    assert [node.why for node in prediction.nodes] == ["no answer", "", "pruned", "pruned"]


def test_a_mark_that_can_not_be_read_is_none_and_never_guessed() -> None:
    prediction, _ = drive("best-of-n", paths("Answer: 7", "Answer: 8"), marks("It is right.", "Score: 1"))
    assert prediction.votes is not None
    assert (prediction.answer, prediction.votes.scores) == ("8", (None, 1.0))
    assert [node.why for node in prediction.nodes] == ["unread", ""]


def test_where_no_mark_can_be_read_nothing_is_chosen() -> None:
    prediction, _ = drive("best-of-n", paths("Answer: 7", "Answer: 7."), marks("Good.", "Score: 7 or 8"))
    assert (prediction.answer, prediction.outcome, prediction.rule) == (None, Outcome.UNPARSED, "unscored")
    assert prediction.votes is not None
    assert prediction.votes.ballots == (0, 0)
    assert prediction.votes.scores == (None, None)
    assert len(prediction.nodes) == 2


def test_where_no_path_states_an_answer_nobody_is_asked() -> None:
    prediction, steps = drive("best-of-n", paths("hm", "no idea"))
    assert len(steps) == 1
    assert (prediction.answer, prediction.outcome, prediction.rule) == (None, Outcome.UNPARSED, "")


def test_a_score_of_a_reward_model_is_taken_as_it_is() -> None:
    replies = [(said("", score=-2.5),), (said("", score=-0.5),)]
    prediction, _ = drive("best-of-n", paths("Answer: 7", "Answer: 8"), replies)
    assert prediction.votes is not None
    assert (prediction.answer, prediction.votes.scores) == ("8", (-2.5, -0.5))


@pytest.mark.parametrize("finish", ["error", "refused"])
@pytest.mark.parametrize("arm", ["best-of-n", "best-of-n@judge=rank"])
def test_a_judge_that_fails_or_refuses_is_an_engine_error(finish: str, arm: str) -> None:
    replies = marks("Best: 1") if "rank" in arm else marks("Score: 9", "Score: 1")
    replies[-1] = (said("no", finish),)
    prediction, _ = drive(arm, paths("Answer: 7", "Answer: 8"), replies)
    assert (prediction.answer, prediction.outcome) == (None, Outcome.ENGINE_ERROR)


def test_where_a_path_failed_no_judge_is_asked() -> None:
    prediction, steps = drive("best-of-n", [(said("Answer: 7"), said("", "error"))])
    assert (len(steps), prediction.outcome) == (1, Outcome.ENGINE_ERROR)


def test_a_judge_is_shown_no_thought() -> None:
    prediction, steps = drive("best-of-n", paths("<think>7 it is</think>Answer: 7"), marks("Score: 9"))
    assert asked(steps[1]) == [("judge", {"solution": "Answer: 7"})]
    assert prediction.answer == "7"


def test_what_was_written_for_the_model_is_shown_with_the_rest_and_a_thought_where_there_is_nothing_else() -> None:
    assert shown_of(said(" 7", begun="Work.\n\nAnswer:")) == "Work.\n\nAnswer: 7"
    assert shown_of(said("", reasoning="So it is 7.")) == "So it is 7."


# --- best of n, by rank -------------------------------------------------------------------------------------------


def test_the_place_that_a_judge_names_is_mapped_back_from_the_order_in_which_it_saw_them() -> None:
    texts = [f"Answer: {n}" for n in range(6)]
    mode = find_mode("best-of-n@judge=rank")
    orders = set()
    for number in range(12):
        question = Question(id=f"q-{number}", task="t", text="How many?")
        flow = mode.run(question, HandKit(mode=mode, answer_type=AnswerType.NUMBER, seed=3))
        next(flow)
        step = flow.send(paths(*texts))
        [(turn, given)] = asked(step)
        shown = given["solutions"]
        orders.add(tuple(shown))
        assert (turn, sorted(shown)) == ("judge", texts)
        step = flow.send(marks(f"Best: {shown.index('Answer: 4') + 1}"))
        with pytest.raises(StopIteration) as end:
            flow.send([False] * len(step.items))
        prediction = end.value.value
        assert (prediction.answer, prediction.votes.scores) == ("4", (0.0, 0.0, 0.0, 0.0, 1.0, 0.0))
    assert len(orders) > 6, "the order is the question's own"


def test_one_path_alone_is_the_best_and_nobody_is_asked() -> None:
    prediction, steps = drive("best-of-n@judge=rank", paths("Answer: 7", "hm", "Answer: 7"))
    assert (prediction.answer, len(steps)) == ("7", 1)


def test_a_best_one_that_can_not_be_read_is_none() -> None:
    prediction, _ = drive("best-of-n@judge=rank", paths("Answer: 7", "Answer: 8"), marks("Both are fine."))
    assert (prediction.outcome, prediction.rule) == (Outcome.UNPARSED, "unscored")


# --- refine -------------------------------------------------------------------------------------------------------


def test_an_answer_is_criticised_and_given_again_until_all_rounds_are_over() -> None:
    prediction, steps = drive(
        "refine",
        paths("Answer: 7"),
        marks("Off by one.\nVerdict: wrong"),
        paths("Answer: 8"),
        marks("Fine, I think."),
        paths("Now. Answer: 9"),
    )
    assert prediction.answer == "9"
    votes = prediction.votes
    assert votes is not None
    assert (votes.answers, votes.ballots) == (("7", "8", "9"), (0, 1, 2))
    turns = [asked(step)[0] for step in steps]
    assert [turn for turn, _ in turns] == ["", "criticism", "again", "criticism", "again"]
    assert turns[2][1] == {"solution": "Answer: 7", "criticism": "Off by one.\nVerdict: wrong"}
    assert turns[4][1] == {"solution": "Answer: 8", "criticism": "Fine, I think."}
    assert [[path.text for path in step.items[0].after] for step in steps[1:3]] == [
        ["Answer: 7"],
        ["Answer: 7", "Off by one.\nVerdict: wrong"],
    ]
    told = [(node.role, node.parent, node.value, node.ballot) for node in prediction.nodes]
    assert told == [
        ("answer", None, None, 0),
        ("criticism", 0, 0.0, None),
        ("answer", 1, None, 1),
        ("criticism", 2, None, None),
        ("answer", 3, None, 2),
    ]


def test_it_ends_where_the_critic_finds_the_answer_right() -> None:
    prediction, steps = drive("refine", paths("Answer: 7"), marks("All holds.\nVerdict: correct"))
    assert (prediction.answer, len(steps)) == ("7", 2)
    assert prediction.votes is not None
    assert prediction.votes.ballots == (0,)


def test_the_last_answer_counts_even_where_it_states_none() -> None:
    prediction, _ = drive("refine@rounds=1", paths("Answer: 7"), marks("Verdict: wrong"), paths("I give up."))
    assert (prediction.answer, prediction.outcome) == (None, Outcome.UNPARSED)
    assert prediction.votes is not None
    assert prediction.votes.ballots == (0, None)


def test_without_a_critic_the_model_is_only_told_to_check() -> None:
    prediction, steps = drive("refine@critic=none@rounds=1", paths("Answer: 7"), paths("Answer: 8"))
    assert prediction.answer == "8"
    assert asked(steps[1]) == [("again", {"solution": "Answer: 7", "criticism": ""})]


@pytest.mark.parametrize("finish", ["error", "refused"])
def test_a_critic_that_fails_or_refuses_is_an_engine_error(finish: str) -> None:
    prediction, _ = drive("refine", paths("Answer: 7"), [(said("no", finish),)])
    assert (prediction.answer, prediction.outcome) == (None, Outcome.ENGINE_ERROR)


def test_an_answer_again_that_failed_is_an_engine_error() -> None:
    prediction, _ = drive("refine", paths("Answer: 7"), marks("Verdict: wrong"), [(said("", "error"),)])
    assert (prediction.answer, prediction.outcome) == (None, Outcome.ENGINE_ERROR)


# --- runs ---------------------------------------------------------------------------------------------------------

RUN = ("--model", "stub", "--task", "sample", "--limit", "12", "--paths", "4", "-q")
ARMS = "cot,self-consistency,best-of-n,best-of-n@judge=rank,refine,refine@critic=none"


def rows(run: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / name).read_text().splitlines()]


def only(results: Path) -> Path:
    [run] = [path for path in results.iterdir() if path.is_dir()]
    return run


def test_what_other_arms_draw_too_is_drawn_once_and_the_judge_sees_no_gold(tmp_path: Path, main: Cli) -> None:
    done = main("run", *RUN, *JUDGE, "--mode", ARMS)
    assert done.code == 0, done.err
    run = only(tmp_path / "results")
    lines, records = rows(run, "journal.jsonl"), rows(run, "records.jsonl")
    by_template = {name: [line for line in lines if line["template"] == name] for name in ("cot", "judge", "criticism")}
    begun = [line for line in by_template["cot"] if line["completions"][0].get("begun")]
    assert len(by_template["cot"]) - len(begun) == 2 * 12, "one greedy reply and one of four paths a question"
    assert all(line["to"] == "judge" for name in ("judge", "criticism") for line in by_template[name])
    assert all(line["after"] for name in ("judge", "criticism") for line in by_template[name])
    left = set()
    for line in by_template["judge"]:
        shown = next(one for one in by_template["cot"] if one["question"] == line["question"])["messages"][-1]["text"]
        question, path = shown.split("\n\nLet's think")[0], _parents(line, lines)[0]
        text = line["messages"][-1]["text"]
        left.add(text.replace(path.get("begun", "") + path["text"], "PATH").replace(question, "QUESTION"))
    assert len(left) == 1, "it sees the question and the path, and else the same whatever the question is"
    best = [row for row in records if row["mode"] == "best-of-n"]
    votes = {row["question"]: row["votes"] for row in records if row["mode"] == "self-consistency"}
    assert all(row["votes"]["ballots"] == votes[row["question"]]["ballots"] for row in best)
    for row in best:
        known = [score for score in row["votes"]["scores"] if score is not None]
        if not known:
            assert row["outcome"] == "unparsed"
            continue
        chosen = row["votes"]["scores"].index(max(known))
        assert row["answer"] == row["votes"]["answers"][row["votes"]["ballots"][chosen]]["answer"]
        assert [node["ballot"] for node in row["nodes"] if node.get("kept", True)] == [chosen]
        assert row["judge_completion_tokens"] > 0


def _parents(line: dict[str, Any], lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    places = {(one["question"], one["request"], one["ordinal"]): one for one in lines}
    return [places[line["question"], r, o]["completions"][path] for r, o, path in line["after"]]


def test_a_run_goes_on_and_is_graded_again_with_the_same_records(tmp_path: Path, main: Cli) -> None:
    """Some of the stub's paths state no answer, and are gone on with before a judge is asked."""
    options = (*RUN, "--model-args", "unparsed=0.3", "--mode", ARMS)
    assert main("run", *options).code == 0
    run = only(tmp_path / "results")
    records, lines = (run / "records.jsonl").read_bytes(), (run / "journal.jsonl").read_bytes().splitlines(True)
    assert any(row.get("before") for row in rows(run, "records.jsonl") if row["mode"] == "best-of-n")
    assert any(row.get("before") for row in rows(run, "records.jsonl") if row["mode"] == "refine")
    (run / "journal.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]))
    (run / "records.jsonl").unlink()
    assert main("run", *options).code == 0
    assert (run / "records.jsonl").read_bytes() == records
    assert json.loads(main("score", run, "--json").out)["changes"] == []
    assert (run / "records.jsonl").read_bytes() == records


def test_where_fewer_paths_are_read_a_mark_on_record_stays_with_its_path(
    tmp_path: Path, main: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main("run", *RUN, "--mode", "best-of-n").code == 0
    run = only(tmp_path / "results")
    before = {row["question"]: row["votes"]["scores"] for row in rows(run, "records.jsonl")}
    candidates = judged._candidates

    def without_the_first(readings: Any) -> dict[int, str]:
        found = candidates(readings)
        first = next(iter(found.values()), "")
        return {place: text for place, text in found.items() if text != first}

    monkeypatch.setattr(judged, "_candidates", without_the_first)
    assert main("score", run).code == 0
    after = {row["question"]: row["votes"]["scores"] for row in rows(run, "records.jsonl")}
    assert after != before
    for question, scores in after.items():
        known = [place for place, score in enumerate(scores) if score is not None]
        assert all(scores[place] == before[question][place] for place in known)
    assert any(score is not None for scores in after.values() for score in scores)


@pytest.mark.parametrize("away", ["refuses", pytest.param("fails", marks=pytest.mark.patient)])
def test_a_judge_that_is_away_is_never_wrong(tmp_path: Path, main: Cli, away: str) -> None:
    def script(path: str, headers: Any, body: Json, seen: int) -> Any:
        if away == "fails":
            return fault("no such judge today", status=400)
        refusal = chat("I can't judge that.")
        refusal["choices"][0]["finish_reason"] = "content_filter"
        return refusal

    with MockServer(script) as server:
        judge = ("--judge-model", "m", "--judge-base-url", server.url, "--judge-args", "max_retries=0")
        done = main("run", *RUN, *judge, "--mode", "cot,best-of-n,refine")
    assert done.code == 4, done.err
    for mode in ("best-of-n", "refine"):
        own = [row for row in rows(only(tmp_path / "results"), "records.jsonl") if row["mode"] == mode]
        answered = [row for row in own if row["outcome"] != "engine_error"]
        assert all(row["outcome"] == "unparsed" and mode == "best-of-n" for row in answered), "no path had an answer"
        assert len(answered) < len(own) / 2
        assert all(row["error"] for row in own if row["outcome"] == "engine_error")


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ("best-of-n@judge=both", "judge is 'both'; expected score or rank"),
        ("refine@rounds=0", "rounds is 0; expected a whole number from 1 up"),
        ("refine@critic=me", "critic is 'me'; expected judge or none"),
        ("refine@judge=rank", "there is nothing called 'judge' to be set"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(main: Cli, arm: str, said: str) -> None:
    done = main("run", *RUN, "--mode", arm)
    assert (done.code, said in done.err) == (2, True), done.err


def test_exemplars_are_for_whoever_answers(tmp_path: Path, main: Cli) -> None:
    assert main("run", *RUN, "--num-fewshot", "2", "--mode", "best-of-n,refine").code == 0
    lines = rows(only(tmp_path / "results"), "journal.jsonl")
    roles = {name: {len(line["messages"]) for line in lines if line["template"] == name} for name in ("cot", "judge")}
    assert roles == {"cot": {6}, "judge": {2}}


def test_an_estimate_counts_the_judge_for_each_path(main: Cli) -> None:
    done = main("run", *RUN, "--mode", "best-of-n", "--dry-run")
    assert done.code == 0, done.err
    assert "60" in done.out.replace("\n", " ").split(), done.out  # 12 questions, each with its paths and 4 marks


# --- a judge that doesn't end as it is asked to --------------------------------------------------------------------


def going_on(arm: str, *answers: Any) -> tuple[Prediction, list[Any]]:
    """As `drive`, of an engine that goes on from the beginning of a reply; with the steps that ask it to."""
    mode = find_mode(arm)
    flow = mode.run(QUESTION, HandKit(mode=mode, answer_type=AnswerType.NUMBER, words="Answer:"))
    step, steps, left = next(flow), [], list(answers)
    try:
        while True:
            steps.append(step)
            step = flow.send([False] * len(step.items) if isinstance(step, Compare) else left.pop(0))
    except StopIteration as end:
        assert not left
        return end.value, [one for one in steps if isinstance(one, Continue)]


def test_it_is_gone_on_with_by_the_words_of_its_line() -> None:
    begun = "It holds.\n\nScore (0 to 10):"
    prediction, [step] = going_on(
        "best-of-n",
        paths("Answer: 7", "Answer: 8"),
        marks("It holds.", "Score: 4"),
        [(said(" 9", begun=begun),)],
    )
    assert [item.begun.text for item in step.items] == [begun]
    assert [item.after[0].text for item in step.items] == ["It holds."]
    assert prediction.votes is not None
    assert (prediction.answer, prediction.votes.scores) == ("7", (9.0, 4.0))
    assert [[one.text for one in node.judged] for node in prediction.nodes] == [["It holds.", " 9"], ["Score: 4"]]


def test_what_is_said_then_is_read_as_strictly() -> None:
    replies = [
        (said(" it is good", begun="Fine.\n\nScore (0 to 10):"),),
        (),
    ]  # of the other, a run on record asked nothing more
    prediction, _ = going_on("best-of-n", paths("Answer: 7", "Answer: 8"), marks("Fine.", "Fine, too."), replies)
    assert (prediction.outcome, prediction.rule) == (Outcome.UNPARSED, "unscored")


def test_a_second_model_s_reply_is_left_as_it_is() -> None:
    class Asked(HandKit):
        def asks_second(self, turn: str) -> bool:
            return turn == "judge"

    mode = find_mode("best-of-n")
    flow = mode.run(QUESTION, Asked(mode=mode, answer_type=AnswerType.NUMBER, words="Answer:"))
    next(flow)
    flow.send(paths("Answer: 7"))
    with pytest.raises(StopIteration) as end:
        flow.send(marks("It holds."))
    assert end.value.value.rule == "unscored"


def test_a_critic_and_one_that_ranks_are_gone_on_with_too() -> None:
    more = [(said(" correct", begun="Holds.\n\nVerdict:"),)]
    prediction, steps = going_on("refine", paths("Answer: 7"), marks("Holds."), more)
    assert (prediction.answer, len(steps), prediction.nodes[1].value) == ("7", 1, 1.0)
    assert prediction.nodes[1].text == "Holds."
    more = [(said(" 1", begun="Both.\n\nBest:"),)]
    prediction, [step] = going_on("best-of-n@judge=rank", paths("Answer: 7", "Answer: 8"), marks("Both."), more)
    assert step.items[0].begun.text == "Both.\n\nBest:"
    assert prediction.votes is not None
    assert sorted(score or 0.0 for score in prediction.votes.scores) == [0.0, 1.0]
