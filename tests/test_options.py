"""Command-line values -> settings, as tables of (text, value) and of (text, piece of the message)."""

from __future__ import annotations

import importlib
import os
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cotbench.engines import ENGINES, EngineConfig, EngineRow, open_engine
from cotbench.engines.sampling import KEYS, require_keys
from cotbench.errors import UsageError
from cotbench.runs.options import FLAGS, RunOptions, anchored, in_order_of_help
from cotbench.runs.parsing import extra_body, gen_kwargs, headers, key_values, max_tokens, names


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], []),
        (["a"], ["a"]),
        (["a,b"], ["a", "b"]),
        (["a,b", "c"], ["a", "b", "c"]),
        ([" a , b "], ["a", "b"]),
        (["a,,b,", ""], ["a", "b"]),
        (["b,a", "b"], ["b", "a", "b"]),  # order is kept, and repeats are the plan's to refuse
    ],
    ids=str,
)
def test_names(values: list[str], expected: list[str]) -> None:
    assert names(values) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        (" , ", {}),
        ("dtype=auto", {"dtype": "auto"}),
        ("a=1,b=2.5,c=-3", {"a": 1, "b": 2.5, "c": -3}),
        ("a=True,b=false,c=None,d=null", {"a": True, "b": False, "c": None, "d": None}),
        (" a = 1 , b = x ", {"a": 1, "b": "x"}),
        ("a=1,", {"a": 1}),
        ("a=", {"a": ""}),
        ("path=a=b.jsonl", {"path": "a=b.jsonl"}),
        ("path=/x/y z.jsonl", {"path": "/x/y z.jsonl"}),
        ("name=org/model-7B", {"name": "org/model-7B"}),
        ("version=1.2.3", {"version": "1.2.3"}),
        ("revision=0123", {"revision": "0123"}),  # a leading zero is no JSON number: kept as it is
        ("a=[1,2],b=3", {"a": [1, 2], "b": 3}),
        ('a={"x": [1, {"y": 2}], "z": 3},b=4', {"a": {"x": [1, {"y": 2}], "z": 3}, "b": 4}),
        ('a="x,y",b=1', {"a": "x,y", "b": 1}),
        ('a="1"', {"a": "1"}),
        ('a="[",b=1', {"a": "[", "b": 1}),
        ('stop=["\\n\\n","Q:"]', {"stop": ["\n\n", "Q:"]}),
    ],
    ids=repr,
)
def test_key_values(text: str, expected: dict[str, Any]) -> None:
    found = key_values("--x", text)
    assert found == expected
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in expected.items()}


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("dtype", "expected key=value, found 'dtype'"),
        ("a=1,b", "expected key=value, found 'b'"),
        ("=1", "expected key=value, found '=1'"),
        ("a=1,a=2", "'a' is given twice"),
        ("a=1, a=1", "'a' is given twice"),
        ("a:1", "expected key=value, found 'a:1'"),
    ],
    ids=repr,
)
def test_key_values_that_are_none(text: str, finding: str) -> None:
    with pytest.raises(UsageError) as caught:
        key_values("--some-option", text)
    assert caught.value.message.startswith("--some-option: ")
    assert finding in caught.value.message


@pytest.mark.parametrize("text", ["a=[1,b=2", 'a="x,b=2', "a=),b=2", "a=x],b=2"])
def test_an_open_bracket_or_quote_swallows_no_option(text: str) -> None:
    """Either the text is refused, or `b` is found; it must not vanish in the value of `a`."""
    try:
        found = key_values("--x", text)
    except UsageError as error:
        assert "a=" in error.message
    else:
        assert found.get("b") == 2, found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        ("  ", {}),
        ("512", {"*": 512}),
        (" 512 ", {"*": 512}),
        ("cot=2048", {"cot": 2048}),
        ("cot=2048,direct=32", {"cot": 2048, "direct": 32}),
        ("cot=2048, direct=1", {"cot": 2048, "direct": 1}),
    ],
    ids=repr,
)
def test_max_tokens(text: str | None, expected: dict[str, int]) -> None:
    assert max_tokens(text) == expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("0", "*=0 is not a positive number of tokens"),
        ("cot=0", "cot=0 is not a positive number of tokens"),
        ("cot=-1", "cot=-1 is not"),
        ("cot=1.5", "cot=1.5 is not"),
        ("cot=1e3", "cot=1000.0 is not"),
        ("cot=many", "cot=many is not"),
        ("cot=true", "cot=True is not"),
        ("cot=None", "cot=None is not"),
        ("cot=", "cot= is not"),
        ("cot=[1]", "cot=[1] is not"),
        ("-5", "expected key=value, found '-5'"),
        ("many", "expected key=value, found 'many'"),
        ("1,000", "expected key=value, found '1'"),
        ("²", "is not a positive number of tokens"),
        ("cot=1,cot=2", "'cot' is given twice"),
    ],
    ids=repr,
)
def test_max_tokens_that_are_none(text: str, finding: str) -> None:
    with pytest.raises(UsageError) as caught:
        max_tokens(text)
    assert caught.value.message.startswith("--max-tokens: ")
    assert finding in caught.value.message


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("temperature=0.7", {"temperature": 0.7}),
        ("temperature=0", {"temperature": 0}),
        ("temperature=2", {"temperature": 2}),
        ("top_p=1", {"top_p": 1}),
        ("temperature=0.7,top_p=0.95,max_tokens=64", {"temperature": 0.7, "top_p": 0.95, "max_tokens": 64}),
        ("stop=Question:", {"stop": "Question:"}),
        ('stop=["Q:","\\n\\n"]', {"stop": ["Q:", "\n\n"]}),
        ('stop="a,b"', {"stop": "a,b"}),
        ("stop=[]", {"stop": []}),
        # lm-eval's and transformers' names
        ("max_gen_toks=64", {"max_tokens": 64}),
        ("max_new_tokens=64", {"max_tokens": 64}),
        ('until=["Q:"]', {"stop": ["Q:"]}),
        ("stop_strings=Q:", {"stop": "Q:"}),
        ("do_sample=False", {"temperature": 0.0}),
        ("do_sample=False,temperature=0.7", {"temperature": 0.0}),
        ("do_sample=True,temperature=0.7", {"temperature": 0.7}),
    ],
    ids=repr,
)
def test_gen_kwargs(text: str, expected: dict[str, Any]) -> None:
    assert gen_kwargs(text) == expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("temprature=0.7", "unknown temprature"),
        ("topk=5,seed=1", "unknown seed, topk"),
        ("n=5", "unknown n"),
        ("top_k=2.5", "top_k is 2.5; expected a whole number"),
        ("top_k=-2", "top_k is -2; expected a whole number from -1"),
        ("min_p=1.5", "min_p is 1.5; expected a number from 0 to 1"),
        ("repetition_penalty=0", "repetition_penalty is 0; expected"),
        ("presence_penalty=true", "presence_penalty is True; expected a number from -2 to 2"),
        ("reasoning_effort=3", "reasoning_effort is 3; expected a word"),
        ("ignore_eos=1", "ignore_eos is 1; expected true or false"),
        ("stop_token_ids=5", "stop_token_ids is 5; expected a JSON list of token ids"),
        ("logit_bias=[1]", "logit_bias is [1]; expected a JSON object"),
        ("min_tokens=3,min_new_tokens=4", "min_tokens is given twice"),
        ("temperature=-0.1", "temperature is -0.1; expected a number from 0 to 2"),
        ("temperature=11", "temperature is 11; expected"),
        ("temperature=NaN", "temperature is nan; expected"),
        ("temperature=nan", "temperature is 'nan'; expected"),
        ("temperature=Infinity", "temperature is inf; expected"),
        ("temperature=-Infinity", "temperature is -inf; expected"),
        ("temperature=1e999", "temperature is inf; expected"),
        ("temperature=warm", "temperature is 'warm'; expected"),
        ('temperature="0.7"', "temperature is '0.7'; expected"),
        ("temperature=true", "temperature is True; expected"),
        ("temperature=", "temperature is ''; expected"),
        ("temperature=[0]", "temperature is [0]; expected"),
        ("temperature=none", "temperature is None; expected"),
        ("top_p=0", "top_p is 0, which leaves no token"),
        ("top_p=1.1", "top_p is 1.1; expected a number from 0 to 1"),
        ("top_p=-1", "top_p is -1; expected"),
        ("top_p=NaN", "top_p is nan; expected"),
        ("top_p=null", "top_p is None; expected"),
        ("max_tokens=0", "max_tokens is 0; expected a positive number"),
        ("max_tokens=-5", "max_tokens is -5; expected"),
        ("max_tokens=1.5", "max_tokens is 1.5; expected"),
        ("max_tokens=many", "max_tokens is 'many'; expected"),
        ("max_tokens=true", "max_tokens is True; expected"),
        ("max_tokens=null", "max_tokens is None; expected"),
        ("stop=5", "stop is 5; expected a text or a JSON list of texts"),
        ('stop=["Q:",5]', "stop is ['Q:', 5]; expected"),
        ('stop={"a": 1}', "stop is {'a': 1}; expected"),
        ("stop=null", "stop is None; expected"),
        ("stop=", "stop"),  # found at the start of every answer, an empty stop string would cut all of them to nothing
        ('stop=["Q:",""]', "stop"),
        ("temperature=0.5,temperature=0.6", "'temperature' is given twice"),
        ("max_tokens=5,max_gen_toks=6", "twice"),  # two names of one thing
        ("temperature", "expected key=value, found 'temperature'"),
    ],
    ids=repr,
)
def test_gen_kwargs_that_are_none(text: str, finding: str) -> None:
    with pytest.raises(UsageError) as caught:
        gen_kwargs(text)
    assert caught.value.message.startswith("--gen-kwargs: ")
    assert finding in caught.value.message


def test_an_unknown_gen_kwarg_is_told_the_known_ones() -> None:
    with pytest.raises(UsageError) as caught:
        gen_kwargs("topk=5")
    known = caught.value.hint.removeprefix("Known: ").partition(".")[0].split(", ")
    assert {"max_tokens", "stop", "temperature", "top_p", "top_k", "min_p", "reasoning_effort"} <= set(known)
    assert known == sorted(known)
    assert "--extra-body" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("top_k=20,min_p=0.05", {"top_k": 20, "min_p": 0.05}),
        ("top_k=-1", {"top_k": -1}),
        ("reasoning_effort=high", {"reasoning_effort": "high"}),
        ("min_new_tokens=4", {"min_tokens": 4}),
        ("cot.presence_penalty=1.5", {"modes": {"cot": {"presence_penalty": 1.5}}}),
        ("stop_token_ids=[1,2],ignore_eos=true", {"stop_token_ids": [1, 2], "ignore_eos": True}),
        ('logit_bias={"5": -100}', {"logit_bias": {"5": -100}}),
        ("max_completion_tokens=64", {"max_tokens": 64}),
    ],
    ids=repr,
)
def test_gen_kwargs_beyond_temperature(text: str, expected: dict[str, Any]) -> None:
    assert gen_kwargs(text) == expected


def test_what_each_engine_lacks_is_refused_by_name() -> None:
    for engine in ENGINES:
        has = {name for name, key in KEYS.items() if engine in key.engines}
        require_keys(engine, [*has, "temperature", "top_p", "max_tokens", "stop", "modes"])
        for name in KEYS.keys() - has:
            with pytest.raises(UsageError, match=f"engine '{engine}' has no {name}"):
                require_keys(engine, [name])
    assert not [name for name, key in KEYS.items() if not key.engines or key.engines - set(ENGINES)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, {}),
        ("", {}),
        ('{"reasoning": {"effort": "high"}, "top_a": 0.1}', {"reasoning": {"effort": "high"}, "top_a": 0.1}),
        ('{"x": null}', {"x": None}),
    ],
    ids=repr,
)
def test_extra_body(text: str | None, expected: dict[str, Any], tmp_path: Path) -> None:
    assert extra_body(text) == expected
    if text:
        (tmp_path / "body.json").write_text("\ufeff" + text)
        assert extra_body(f"@{tmp_path / 'body.json'}") == expected


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("{", "--extra-body: not valid JSON"),
        ('{"x": NaN}', "--extra-body: not valid JSON: NaN"),
        ('{"a": 1, "a": 2}', "--extra-body: not valid JSON: 'a' is given twice"),
        ('{"x": {"b": 1, "c": 2, "b": 1}}', "--extra-body: not valid JSON: 'b' is given twice"),
        ("@/dev/zero", "--extra-body: /dev/zero: can't be read: it is a device, expected a file"),
        ("@/", "--extra-body: /: can't be read: it is a folder, expected a file"),
        ("[1]", "--extra-body: expected a JSON object, found list"),
        ("@nothing.json", "--extra-body: nothing.json: can't be read"),
        ("top_k=5", "--extra-body: not valid JSON"),
        *(
            (f'{{"{name}": 1}}', f"--extra-body: {name} can't be set there")
            for name in ("messages", "model", "stream", "n", "seed", "temperature", "top_p", "max_tokens", "stop")
        ),
    ],
    ids=repr,
)
def test_extra_body_that_is_none(text: str, finding: str) -> None:
    with pytest.raises(UsageError) as caught:
        extra_body(text)
    assert caught.value.message.startswith(finding)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        (["api-key=$AZURE_KEY", "X-Title = a = b"], {"api-key": "$AZURE_KEY", "X-Title": "a = b"}),
    ],
)
def test_headers(values: list[str], expected: dict[str, str]) -> None:
    assert headers(values) == expected


@pytest.mark.parametrize(
    "values",
    [["api-key"], ["=x"], ["a b=s3cret"], ["a=s3cret\nb"], ["a="], ["a=s3cret", "A=1"], ["Host=s3cret"]],
    ids=repr,
)
def test_headers_that_are_none(values: list[str]) -> None:
    with pytest.raises(UsageError, match="--header: ") as caught:
        headers(values)
    assert "s3cret" not in str(caught.value)


def test_an_extra_body_in_a_pipe_or_in_a_file_that_is_too_large(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_text('{"x": "' + "y" * 1_000_001 + '"}')
    for name, finding in (
        ("pipe", "can't be read: it is a named pipe, expected a file"),
        ("large", "is larger than 1,000,000 characters"),
    ):
        with pytest.raises(UsageError, match=f"--extra-body: .*{name}: {finding}"):
            extra_body(f"@{tmp_path / name}")


# --- the table of options -----------------------------------------------------------------------------------------


def test_each_option_is_written_once() -> None:
    assert list(FLAGS) == [one.name for one in fields(RunOptions)]
    assert sorted(in_order_of_help()) == sorted(FLAGS)
    names = [name for flag in FLAGS.values() for name in flag.names.split()]
    assert len(names) == len(set(names))
    assert [name for name, flag in FLAGS.items() if not flag.resumable] == [
        "trust_remote_code",
        "allow_unsandboxed_code",
    ]


def test_what_names_a_file_is_kept_for_another_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("own.jsonl", "chat.jinja", "outputs.jsonl"):
        (tmp_path / name).touch()
    given = {
        "tasks": ["own.jsonl", "gsm8k"],
        "chat_template": "chat.jinja",
        "model_args": {"path": "outputs.jsonl", "other": "own.jsonl"},
        "seed": 1,
    }
    assert anchored(given) == {
        "tasks": [str(tmp_path / "own.jsonl"), "gsm8k"],
        "chat_template": str(tmp_path / "chat.jinja"),
        "model_args": {"path": str(tmp_path / "outputs.jsonl"), "other": "own.jsonl"},
        "seed": 1,
    }
    assert anchored({"model_args": {"path": 5}}) == {"model_args": {"path": 5}}


# --- what engines are handed --------------------------------------------------------------------------------------


def test_an_engine_has_what_was_asked_for_by_name() -> None:
    options = RunOptions(model="m", tasks=["t"], modes=["cot"], seed=7, concurrency=3, extra_body={"a": 1})
    config = EngineConfig.of(options, golds={"q": "4"}, headers={"x": "y"})
    assert (config.model, config.seed, config.concurrency, config.extra_body) == ("m", 7, 3, {"a": 1})
    assert (config.golds, config.headers) == ({"q": "4"}, {"x": "y"})


@pytest.mark.parametrize("name", ENGINES)
def test_no_engine_but_the_stub_is_handed_the_answers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    row = ENGINES[name]
    module = SimpleNamespace(**{row.factory: lambda config: config})
    monkeypatch.setattr(importlib, "import_module", lambda _: module)
    monkeypatch.setattr(EngineRow, "missing", lambda _: [])
    opened: Any = open_engine(name, EngineConfig(model="m", golds={"q": "4"}, forms={"t": "<number>"}))
    assert (opened.golds, opened.forms) == (({"q": "4"}, {"t": "<number>"}) if name == "stub" else ({}, {}))
