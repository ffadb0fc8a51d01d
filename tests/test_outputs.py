"""Prompts and responses out of a journal: which line of an address counts, and what damage does."""

from __future__ import annotations

import itertools
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotbench.store.outputs import Outputs
from cotbench.store.records import Journal, read_journal
from cotbench.types import Completion, Key, Message, Reply, Request, Sampling

HASH = "0123456789abcdef"


def sealed(row: dict[str, Any], *, escape: bool = False) -> bytes:
    """A line of a journal: its JSON, with the CRC-32 of what stands before it as the last entry."""
    body = json.dumps(row, separators=(",", ":"), ensure_ascii=escape).encode()
    return body[:-1] + b',"crc":"%08x"}\n' % zlib.crc32(body)


def row(
    question: str = "q", *texts: str, ordinal: int = 0, prompt: str = "p", finish: str = "stop", **more: Any
) -> dict[str, Any]:
    return {
        "v": 1,
        "question": question,
        "request": HASH,
        "ordinal": ordinal,
        "template": "t",
        "sampling": {"max_tokens": 9, "temperature": 0.0, "top_p": 1.0, "n": len(texts), "stop": ["=", "\n"]},
        "prompt": prompt,
        "completions": [{"text": text, "finish_reason": finish, **more} for text in texts],
    }


def outputs(folder: Path, *lines: bytes) -> Outputs:
    (folder / "journal.jsonl").write_bytes(b"".join(lines))
    return Outputs(folder)


ONE = [(HASH, 0)]


def texts(out: Outputs, question: str = "q", requests: Any = ONE) -> list[list[str]]:
    return [[c["text"] for c in line["completions"]] for line in out.replies(question, requests)]


def test_no_journal_and_an_empty_one(tmp_path: Path) -> None:
    for out in (Outputs(tmp_path), outputs(tmp_path)):
        assert out.replies("q", ONE) == []
        assert out.equals("q", ONE) is None


def test_the_first_good_line_counts(tmp_path: Path) -> None:
    out = outputs(tmp_path, sealed(row("q", "first")), sealed(row("q", "second =")), sealed(row("r", "other =")))
    assert texts(out) == [["first"]]
    assert out.equals("q", ONE) is False
    assert out.equals("r", ONE) is True
    assert out.equals("s", ONE) is None


def test_a_line_without_an_error_comes_before_one_with(tmp_path: Path) -> None:
    failed, good = sealed(row("q", "", finish="error", error="x = 1")), sealed(row("q", "fine"))
    for order in itertools.permutations([failed, good, failed]):
        out = outputs(tmp_path, *order)
        assert texts(out) == [["fine"]]
        assert out.equals("q", ONE) is False
    out = outputs(tmp_path, failed)
    assert [line["completions"][0]["error"] for line in out.replies("q", ONE)] == ["x = 1"]
    assert out.equals("q", ONE) is None  # an error message is no response


def test_damaged_and_torn_lines_are_as_if_they_were_not_there(tmp_path: Path) -> None:
    good, later = sealed(row("q", "a = b")), sealed(row("q", "later"))
    damaged = [
        good[:-1],  # torn
        good[:40],
        good.replace(b"a = b", b"a = c"),
        good.replace(b'"ordinal":0', b'"ordinal":1'),
        good[:-12] + b'00000000"}\n',
        b"\n",
        b"{}\n",
        b"null\n",
        b"\x00" * 50 + b"\n",
        b'{"v":1,"question":"q","request":"' + HASH.encode() + b'","ordinal":0,"completions":[]}\n',
    ]
    for line in damaged[2:]:
        out = outputs(tmp_path, line, later)
        assert texts(out) == [["later"]], line
        assert texts(out, "q", [(HASH, 1)]) == []
    for line in damaged:
        assert texts(outputs(tmp_path, later, line)) == [["later"]]
        assert outputs(tmp_path, line).equals("q", ONE) is None
    # A torn line that another process wrote on to spoils that line too, and no more.
    assert texts(outputs(tmp_path, good[:40], good, later)) == [["later"]]


@pytest.mark.parametrize("at", range(0, 330, 7))
def test_any_flipped_byte_makes_a_line_nothing_or_leaves_it(at: int, tmp_path: Path) -> None:
    good = sealed(row("q", "a = b"))
    at %= len(good)
    damaged = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    assert outputs(tmp_path, damaged).equals("q", ONE) is None


QUESTIONS = [
    'a "quote"',
    "back\\slash",
    'both \\" of them',
    "é ü 漢字 🙂",
    "tab\tnewline\n",
    "\u2028",
    "",
    "=",
    ',"completions":[',
]


@pytest.mark.parametrize("question", [*QUESTIONS, "lone \ud800 surrogate"])
@pytest.mark.parametrize("escape", [False, True])
def test_names_of_questions(question: str, escape: bool, tmp_path: Path) -> None:
    if "\ud800" in question:
        escape = True  # UTF-8 has no way to write it
    out = outputs(tmp_path, sealed(row(question, "x = 1"), escape=escape), sealed(row("z", "none")))
    assert texts(out, question) == [["x = 1"]]
    assert out.equals(question, ONE) is True
    assert out.equals("z", ONE) is False


HOSTILE = [
    ',"completions":[',
    '"completions":[{"text":"="',
    '","completions":[{"text":"a=b","finish_reason":"error"',
    "\\",
    '\\"',
    "=",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_only_responses_are_searched(text: str, tmp_path: Path) -> None:
    """Not the prompt, the stop strings or the question, whatever they hold."""
    out = outputs(tmp_path, sealed(row("q = 1", "plain", prompt=f"{text} = {text}")))
    assert out.equals("q = 1", ONE) is False
    out = outputs(tmp_path, sealed(row("q", f"{text} a", prompt="p")))
    assert out.equals("q", ONE) is ("=" in text)
    assert texts(out) == [[f"{text} a"]]
    out = outputs(tmp_path, sealed(row("q", "plain", f"{text} = b")))
    assert out.equals("q", ONE) is True


def test_a_separate_reasoning_text_is_a_response_too(tmp_path: Path) -> None:
    assert outputs(tmp_path, sealed(row("q", "plain", reasoning="a = b"))).equals("q", ONE) is True


def test_several_requests_in_their_order(tmp_path: Path) -> None:
    lines = [sealed(row("q", str(at), ordinal=at)) for at in range(4)]
    out = outputs(tmp_path, *reversed(lines), sealed(row("q", "=", ordinal=7)))
    assert texts(out, "q", [(HASH, 2), (HASH, 0), ("ffff", 0), (HASH, 9), (HASH, 1)]) == [["2"], ["0"], ["1"]]
    assert out.equals("q", [(HASH, 0), (HASH, 9)]) is False
    assert out.equals("q", [(HASH, 9)]) is None
    assert out.equals("q", [(HASH, 0), (HASH, 7)]) is True
    assert out.equals("q", []) is None


TEXT = st.text(st.characters() | st.sampled_from('"\\=,{}[]:\n'), max_size=20)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            TEXT,
            st.integers(0, 1),
            st.lists(TEXT, min_size=1, max_size=2),
            st.sampled_from(["stop", "error", "length"]),
            TEXT,
        ),
        max_size=8,
    )
)
def test_what_a_run_journals_is_what_is_found(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, int, list[str], Any, str]]
) -> None:
    """Written by the runner's own journal, and compared with how resuming reads it."""
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder / "journal.jsonl", 0)
    for question, ordinal, answers, finish, prompt in entries:
        paths = tuple(Completion(text=text, finish_reason=finish) for text in answers)
        request = Request(messages=(Message(role="user", text=prompt),), sampling=Sampling(max_tokens=9, n=len(paths)))
        journal.append([(Key(question, HASH, ordinal), request, 3, Reply(completions=paths, prompt=prompt))])
    journal.close()
    out, state = Outputs(folder), read_journal(folder / "journal.jsonl")
    for question, ordinal, *_ in entries:
        key = Key(question, HASH, ordinal)
        good = state.replies.get(key)
        expected = good or state.failed[key]
        found = texts(out, question, [(HASH, ordinal)])
        if good:
            assert found == [[c.text for c in expected.completions]]
            assert out.equals(question, [(HASH, ordinal)]) is any("=" in c.text for c in good.completions)
        else:
            assert len(found) == 1
            assert out.equals(question, [(HASH, ordinal)]) is None
