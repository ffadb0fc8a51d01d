"""Command-line values -> settings, as tables of (text, value) and of (text, piece of the message)."""

from __future__ import annotations

from typing import Any

import pytest

from cotbench.errors import UsageError
from cotbench.options import gen_kwargs, key_values, max_tokens, names


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
        ("top_k=5,seed=1", "unknown seed, top_k"),
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
        gen_kwargs("top_k=5")
    assert caught.value.hint == "Known: max_tokens, stop, temperature, top_p."
