"""`cotbench policy`: what it writes, for a router as for people, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
import yaml
from conftest import Cli, run_cli
from handmade import make_record, write_run
from pydantic import BaseModel, ConfigDict, Field, model_validator

from cotbench.analysis.pairing import load_run, panels_of
from cotbench.analysis.shipping import Shipping, Terms, ship
from cotbench.engines.thinking import families
from cotbench.errors import UsageError
from cotbench.report.shipping import Switch, categories, plain, router
from cotbench.types import Question

pytestmark = pytest.mark.patient

# --- the router's configuration, as its own command line reads it ----------------------------------------------------


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Reasoning(Strict):
    family: str | None = None
    type: Literal["chat_template_kwargs", "reasoning_effort", "reasoning_mode", "top_level_reasoning_effort"] | None = (
        None
    )
    parameter: str | None = None
    activation_parameter: str | None = None
    levels: list[str] = []
    default: str | None = None
    modes: list[Literal["enabled", "disabled", "adaptive"]] = []
    default_mode: str | None = None
    disabled: str | None = None

    @model_validator(mode="after")
    def fits(self) -> Reasoning:
        inline = any((self.type, self.parameter, self.levels, self.modes, self.disabled))
        assert bool(self.family) != inline
        if not inline:
            return self
        assert self.type
        assert self.parameter
        if self.type == "top_level_reasoning_effort":
            assert self.parameter == "reasoning_effort"
        if "effort" in self.type:
            assert self.levels
        assert len(self.levels) == len(set(self.levels))
        if self.activation_parameter:
            assert self.activation_parameter != self.parameter
            assert self.type == "reasoning_effort"
        assert bool(self.modes) == bool(self.default_mode)
        assert self.default_mode is None or self.default_mode in self.modes
        assert not self.disabled or "disabled" in self.modes
        return self


class ProviderModel(Strict):
    name: str
    provider_model_id: str
    reasoning: Reasoning | None = None


class Providers(Strict):
    class Defaults(Strict):
        model: str

    defaults: Defaults
    models: list[ProviderModel]


class Score(Strict):
    model: str
    score: float = Field(ge=0, le=1)
    use_reasoning: bool


class Domain(Strict):
    name: str
    mmlu_categories: list[str]
    model_scores: list[Score] = []


class ModelRef(Strict):
    model: str
    use_reasoning: bool
    reasoning_effort: str | None = None


class Condition(Strict):
    type: Literal["domain"]
    name: str


class Conditions(Strict):
    operator: Literal["AND", "OR"]
    conditions: list[Condition] = Field(min_length=1)


class Decision(Strict):
    name: str
    description: str
    priority: int
    rules: Conditions
    modelRefs: list[ModelRef] = Field(min_length=1)


class Routing(Strict):
    class Card(Strict):
        name: str

    class Signals(Strict):
        domains: list[Domain]

    modelCards: list[Card]
    signals: Signals
    decisions: list[Decision]


class Config(Strict):
    version: Literal["v0.3"]
    providers: Providers
    routing: Routing

    @model_validator(mode="after")
    def refers_to_what_is_there(self) -> Config:
        cards = {card.name for card in self.routing.modelCards}
        domains = {domain.name for domain in self.routing.signals.domains}
        assert self.providers.defaults.model in cards
        assert {model.name for model in self.providers.models} <= cards
        names = [decision.name for decision in self.routing.decisions]
        assert len(names) == len(set(names))
        for decision in self.routing.decisions:
            assert {condition.name for condition in decision.rules.conditions} <= domains
            assert {ref.model for ref in decision.modelRefs} <= cards
        known = set(categories().values())
        assert all(set(domain.mmlu_categories) <= known for domain in self.routing.signals.domains)
        return self


# --- runs ---------------------------------------------------------------------------------------------------------

# Of 40 questions of a subject, how many each arm gets right.
SUBJECTS = {"abstract_algebra": (10, 32), "college_physics": (12, 30), "virology": (24, 24)}


def make(folder: Path, arms: Sequence[str] = ("free", "think"), **facts: dict[str, Any]) -> Path:
    questions = [
        Question(id=f"t-{group}-{i:02}", task="t", text=f"Question {i} of {group}?", group=group)
        for group in SUBJECTS
        for i in range(40)
    ]
    rows = [
        make_record(
            question=question.id, task="t", mode=mode, gold="1", rule="contract", prompt_tokens=100,
            completion_tokens=10 * (1 + 9 * at), requests=[["r", 0]],
            **(
                {"outcome": "correct", "answer": "1"}
                if int(question.id[-2:]) * 7 % 40 < SUBJECTS[question.group][min(at, 1)]
                else {"outcome": "wrong", "answer": "2"}
            ),
        )
        for at, mode in enumerate(arms)
        for question in questions
    ]  # fmt: skip
    write_run(folder, questions, rows)
    manifest = json.loads((folder / "manifest.json").read_text())
    told = {"free": {"thinks": "off"}, "think": {"thinks": "on"}, "direct": {"thinks": "off"}, "cot": {"thinks": "off"}}
    for arm in arms:
        own = {**told.get(arm.partition("@")[0], {}), "answers_in": "words", **facts.get(arm, {})}
        manifest["modes"][arm] = {**manifest["modes"].get(arm, {}), **own}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def shipping(folder: Path, **terms: Any) -> Shipping:
    [panel], _ = panels_of([load_run(folder)])
    made = ship(panel, list(panel.cells.values()), [], Terms(categories=categories(), **terms))
    assert isinstance(made, Shipping), made
    return made


ROUTED: dict[str, Any] = {"only": ("one arm for all", "category")}


def switch_of(name: str) -> Switch:
    row = next(row for row in families() if row.family == name)
    return Switch(
        family=name,
        off=row.off.variables if row.off and row.off.variables else None,
        on=row.on.variables if row.on and row.on.variables else None,
        effort=row.effort,
        efforts=row.efforts,
        field=row.effort_field,
        default=row.default,
    )


# --- what is written ----------------------------------------------------------------------------------------------


def test_the_yaml_says_what_to_use_why_and_what_it_brings(tmp_path: Path) -> None:
    made = shipping(make(tmp_path / "r"))
    text = plain([made], ["r"], 20)
    content = yaml.safe_load(text)
    [own] = content["policies"]
    assert (content["version"], own["runs"], own["arms"], own["margin"]) == (1, ["r"], ["free", "think"], 0.02)
    assert own["rule"] in ("subject", "category")
    assert {row["use"] for row in own["pieces"] if row["piece"] in ("virology", "health")} == {"free"}
    assert sum(row["share"] for row in own["pieces"]) == pytest.approx(1, abs=1e-3)
    for row in own["pieces"]:
        assert abs(row["gains"]["think"]["shrunk"]) <= abs(row["gains"]["think"]["delta"]) + 0.2
    assert own["cross_fitted"]["saving"] > 0
    assert "too_good" in own["naive"]
    assert sum(own["rules_chosen"].values()) == pytest.approx(1, abs=1e-3)
    assert text.startswith("# Choosing rule and arms on four fifths of the questions gives on the others")
    assert "not of the one policy" in text


def test_the_router_is_told_what_to_think_about(tmp_path: Path) -> None:
    made = shipping(make(tmp_path / "r"), **ROUTED)
    text = router(made, ["r"], switch_of("qwen3"), 20)
    config = Config.model_validate(yaml.safe_load(text))
    thinks = {d.rules.conditions[0].name: d.modelRefs[0].use_reasoning for d in config.routing.decisions}
    assert len(thinks) == 14
    assert (thinks["math"], thinks["physics"], thinks["health"]) == (True, True, False)
    assert thinks["law"]  # which wasn't measured, and gets what the task as a whole does
    [model] = config.providers.models
    assert model.reasoning is not None
    assert (model.reasoning.type, model.reasoning.parameter) == ("chat_template_kwargs", "enable_thinking")
    scores = {d.name: d.model_scores for d in config.routing.signals.domains}
    assert scores["math"][0].use_reasoning
    assert scores["law"] == []


@pytest.mark.parametrize(
    ("family", "expected"),
    [
        ("deepseek-v3.1", {"type": "chat_template_kwargs", "parameter": "thinking"}),
        ("mistral", {"type": "top_level_reasoning_effort", "parameter": "reasoning_effort", "disabled": "none"}),
        ("hunyuan-3", {"type": "reasoning_effort", "levels": ["no_think", "low", "high"], "disabled": "no_think"}),
        ("deepseek-v4", {"type": "reasoning_effort", "activation_parameter": "thinking", "levels": ["high", "max"]}),
        ("minimax-m3", {"type": "reasoning_mode", "parameter": "thinking_mode", "disabled": "disabled"}),
    ],
)
def test_each_family_is_told_in_its_own_way(tmp_path: Path, family: str, expected: dict[str, Any]) -> None:
    made = shipping(make(tmp_path / "r"), **ROUTED)
    config = Config.model_validate(yaml.safe_load(router(made, ["r"], switch_of(family), 20)))
    reasoning = config.providers.models[0].reasoning
    assert reasoning is not None
    assert {name: getattr(reasoning, name) for name in expected} == expected


@pytest.mark.parametrize("family", ["gpt-oss", "deepseek-r1", "kimi-k2-thinking"])
def test_what_cant_stop_thinking_is_not_told_to(tmp_path: Path, family: str) -> None:
    made = shipping(make(tmp_path / "r"), **ROUTED)
    with pytest.raises(UsageError, match="can't be kept from thinking"):
        router(made, ["r"], switch_of(family), 20)


def test_efforts_are_told_by_their_words(tmp_path: Path) -> None:
    arms = ("think@effort=low", "think@effort=high")
    facts = {arm: {"mode": "think", "settings": {"effort": arm.rpartition("=")[2]}} for arm in arms}
    made = shipping(make(tmp_path / "r", arms, **facts), **ROUTED)
    config = Config.model_validate(yaml.safe_load(router(made, ["r"], switch_of("gpt-oss"), 20)))
    efforts = {d.rules.conditions[0].name: d.modelRefs[0].reasoning_effort for d in config.routing.decisions}
    assert (efforts["math"], efforts["health"]) == ("high", "low")
    assert all(d.modelRefs[0].use_reasoning for d in config.routing.decisions)
    with pytest.raises(UsageError, match="no effort"):
        router(made, ["r"], switch_of("qwen3"), 20)


def test_prompts_and_limits_of_thought_are_not_the_routers(tmp_path: Path) -> None:
    made = shipping(make(tmp_path / "p", ("direct", "cot")), **ROUTED)
    with pytest.raises(UsageError, match="direct and cot differ in their prompts"):
        router(made, ["p"], switch_of("qwen3"), 20)
    arm = "think@budget=512"
    facts = {arm: {"mode": "think", "settings": {"budget": 512}}}
    made = shipping(make(tmp_path / "b", ("free", arm), **facts), **ROUTED)
    with pytest.raises(UsageError, match="limit of thought"):
        router(made, ["b"], switch_of("qwen3"), 20)


def test_words_in_the_prompt_are_no_form_that_the_router_has(tmp_path: Path) -> None:
    made = shipping(make(tmp_path / "r"), **ROUTED)
    with pytest.raises(UsageError, match="no form for"):
        router(made, ["r"], Switch(family="x", default=""), 20)


def test_all_subjects_of_mmlu_have_one_of_the_fourteen_categories() -> None:
    found = categories()
    assert len(set(found.values())) == 14
    table = yaml.safe_load((Path(__file__).parents[1] / "tasks/tables/mmlu-pro.yaml").read_text())
    subjects = [subject for own in table.values() for subject in own]
    assert len(subjects) == len(set(subjects)) == 57


# --- the command --------------------------------------------------------------------------------------------------


def test_the_command_prints_writes_and_tells_json(tmp_path: Path) -> None:
    run, out = make(tmp_path / "r"), tmp_path / "policy.yaml"
    done = run_cli("policy", run, "--out", out)
    assert done.code == 0, done.err
    assert "not of the one policy" in done.out
    assert "free for " in done.out
    assert yaml.safe_load(out.read_text())["policies"][0]["task"] == "t"
    told = json.loads(run_cli("policy", run, "--json").out)
    assert told["policies"] == yaml.safe_load(out.read_text())["policies"]
    done = run_cli("policy", run, "--format", "semantic-router", "--out", tmp_path / "router.yaml")
    assert done.code != 0  # the run doesn't say how its model is told to think
    assert "no form for" in done.err


@pytest.mark.parametrize(
    ("line", "found", "remedy"),
    [
        (["--format", "router"], "--format: expected yaml or semantic-router, found 'router'", "--format yaml"),
        (["--margin", "-1"], "--margin: expected points from 0 up", "As in --margin 2"),
        (["--value", "2"], "what a right answer is worth takes prices", "--prices FILE"),
        (["--task", "u"], "there is no task 'u' in these runs", "They have: t"),
        (["--arms", "cot"], "t by m has no one arm 'cot'", "It has: free, think"),
        (["--arms", "think"], "a policy chooses between two arms or more", "Ask more questions or arms"),
    ],
)
def test_what_cant_be_is_refused_with_a_remedy(tmp_path: Path, line: list[str], found: str, remedy: str) -> None:
    done = run_cli("policy", make(tmp_path / "r"), *line)
    assert done.code == 2
    assert found in done.err
    assert remedy in done.err
    assert "Traceback" not in done.err


def test_a_run_that_stops_when_it_knows_makes_no_policy(tmp_path: Path, main: Cli) -> None:
    asked = main("run", "--model", "stub", "--task", "demo", "--mode", "direct,cot", "--until", "40", "-q")
    assert asked.code == 0, asked.err
    done = main("policy")
    assert done.code == 2
    assert "demo by stub: no policy, since a policy's intervals hold at one look" in done.err
