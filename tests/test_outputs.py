"""Prompts and responses out of a journal: which line of an address counts, and what damage does."""

from __future__ import annotations

import itertools
import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from conftest import Cli
from handmade import make_record, record_rows
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from cotbench.store.journal import JOURNAL, Journal, JournalIndex, read_journal
from cotbench.store.lines import load_line
from cotbench.store.records import RECORDS, Record, address_in_record
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


def index_of(folder: Path, *lines: bytes) -> JournalIndex:
    (folder / JOURNAL).write_bytes(b"".join(lines))
    return JournalIndex(folder / JOURNAL)


def keys(question: str = "q", *ordinals: int) -> list[Key]:
    return [Key(question, HASH, 0, ordinal) for ordinal in ordinals or (0,)]


def texts(index: JournalIndex, asked: list[Key] | None = None) -> list[list[str]]:
    return [[path.text for path in row.completions] for row in index.replies(keys() if asked is None else asked)]


def equals(index: JournalIndex, asked: list[Key] | None = None) -> bool | None:
    return index.says("equals", keys() if asked is None else asked)


def test_no_journal_and_an_empty_one(tmp_path: Path) -> None:
    for out in (JournalIndex(tmp_path / JOURNAL), index_of(tmp_path)):
        assert out.replies(keys()) == []
        assert equals(out) is None


def test_the_first_good_line_counts(tmp_path: Path) -> None:
    out = index_of(tmp_path, sealed(row("q", "first")), sealed(row("q", "second =")), sealed(row("r", "other =")))
    assert texts(out) == [["first"]]
    assert equals(out) is False
    assert equals(out, keys("r")) is True
    assert equals(out, keys("s")) is None


def test_a_line_without_an_error_comes_before_one_with(tmp_path: Path) -> None:
    failed, good = sealed(row("q", "", finish="error", error="x = 1")), sealed(row("q", "fine"))
    for order in itertools.permutations([failed, good, failed]):
        out = index_of(tmp_path, *order)
        assert texts(out) == [["fine"]]
        assert equals(out) is False
    out = index_of(tmp_path, failed)
    assert [row.completions[0].error for row in out.replies(keys())] == ["x = 1"]
    assert equals(out) is None  # an error message is no response


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
        out = index_of(tmp_path, line, later)
        assert texts(out) == [["later"]], line
        assert texts(out, keys("q", 1)) == []
    for line in damaged:
        assert texts(index_of(tmp_path, later, line)) == [["later"]]
        assert equals(index_of(tmp_path, line)) is None
    # A torn line that another process wrote on to spoils that line too, and no more.
    assert texts(index_of(tmp_path, good[:40], good, later)) == [["later"]]


@pytest.mark.parametrize("at", range(0, 330, 7))
def test_any_flipped_byte_makes_a_line_nothing_or_leaves_it(at: int, tmp_path: Path) -> None:
    good = sealed(row("q", "a = b"))
    at %= len(good)
    damaged = good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :]
    assert equals(index_of(tmp_path, damaged)) is None


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
    out = index_of(tmp_path, sealed(row(question, "x = 1"), escape=escape), sealed(row("z", "none")))
    assert texts(out, keys(question)) == [["x = 1"]]
    assert equals(out, keys(question)) is True
    assert equals(out, keys("z")) is False


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
    out = index_of(tmp_path, sealed(row("q = 1", "plain", prompt=f"{text} = {text}")))
    assert equals(out, keys("q = 1")) is False
    out = index_of(tmp_path, sealed(row("q", f"{text} a", prompt="p")))
    assert equals(out) is ("=" in text)
    assert texts(out) == [[f"{text} a"]]
    out = index_of(tmp_path, sealed(row("q", "plain", f"{text} = b")))
    assert equals(out) is True


def test_a_separate_reasoning_text_is_a_response_too(tmp_path: Path) -> None:
    assert equals(index_of(tmp_path, sealed(row("q", "plain", reasoning="a = b")))) is True


def test_several_requests_in_their_order(tmp_path: Path) -> None:
    lines = [sealed(row("q", str(at), ordinal=at)) for at in range(4)]
    out = index_of(tmp_path, *reversed(lines), sealed(row("q", "=", ordinal=7)))
    assert texts(out, [*keys("q", 2, 0), Key("q", "ffff", 0, 0), *keys("q", 9, 1)]) == [["2"], ["0"], ["1"]]
    assert equals(out, keys("q", 0, 9)) is False
    assert equals(out, keys("q", 9)) is None
    assert equals(out, keys("q", 0, 7)) is True
    assert equals(out, []) is None


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
        journal.append([(Key(question, HASH, 0, ordinal), request, 3, Reply(completions=paths, prompt=prompt))])
    journal.close()
    out, state = JournalIndex(folder / JOURNAL), read_journal(folder / "journal.jsonl")
    for question, ordinal, *_ in entries:
        key = Key(question, HASH, 0, ordinal)
        good = state.replies.get(key)
        expected = good or state.failed[key]
        found = texts(out, [key])
        if good:
            assert found == [[c.text for c in expected.completions]]
            assert equals(out, [key]) is any("=" in c.text for c in good.completions)
        else:
            assert len(found) == 1
            assert equals(out, [key]) is None


# --- replicates ---------------------------------------------------------------------------------------------------


def test_a_line_of_the_first_replicate_has_no_word_of_it(tmp_path: Path) -> None:
    journal = Journal(tmp_path / JOURNAL, 0)
    request = Request(messages=(Message(role="user", text="?"),), sampling=Sampling(max_tokens=9))
    for replicate in (0, 2):
        reply = Reply(completions=(Completion(text=f"of {replicate}", finish_reason="stop"),), prompt="p")
        journal.append([(Key("q", HASH, replicate, 0), request, None, reply)])
    journal.close()
    first, second = (json.loads(line) for line in (tmp_path / JOURNAL).read_text().splitlines())
    assert "replicate" not in first
    assert list(second)[:5] == ["v", "question", "request", "ordinal", "replicate"]
    assert second["replicate"] == 2


def test_replicates_of_one_request_are_kept_apart(tmp_path: Path) -> None:
    lines = [sealed(row("q", "first =")), sealed(replicate(1, row("q", "second"))), sealed(row("q", "again ="))]
    for order in itertools.permutations(lines[:2]):
        index = index_of(tmp_path, *order, lines[2])
        first, second = Key("q", HASH, 0, 0), Key("q", HASH, 1, 0)
        assert texts(index, [second, first]) == [["second"], ["first ="]]
        assert (equals(index, [first]), equals(index, [second])) == (True, False)
        assert equals(index, [Key("q", HASH, 2, 0)]) is None
        state = read_journal(tmp_path / JOURNAL)
        assert {key: reply.completions[0].text for key, reply in state.replies.items()} == {
            first: "first =",
            second: "second",
        }
        assert (state.damaged, state.repeated) == (0, 1)


def test_a_record_says_which_replicate_it_is_of() -> None:
    record = make_record(question="q", task="t", mode="cot", outcome="correct", answer="1", gold="1")
    keys = (Key("q", HASH, 0, 0), Key("q", HASH, 3, 1))
    record = structs.replace(record, requests=tuple(map(address_in_record, keys)))
    assert json.loads(record.line())["requests"] == [[HASH, 0], [HASH, 1, 3]]
    assert load_line(record.line(), Record).keys == keys


def test_a_record_is_scored_and_shown_by_its_own_replicate(tmp_path: Path, main: Cli) -> None:
    assert main("run", "--model", "stub", "--task", "sample", "--mode", "direct", "--limit", "4", "-q").code == 0
    [folder] = (tmp_path / "results").iterdir()
    path = folder / JOURNAL
    good = path.read_bytes()
    lines = [json.loads(line) for line in good.splitlines()]
    for line in lines:
        del line["crc"]
        line["completions"][0]["text"] = "I can't tell which of them it is."
    path.write_bytes(good + b"".join(sealed(replicate(1, line)) for line in lines))
    before = (folder / RECORDS).read_bytes()
    assert json.loads(main("score", folder, "--json").out)["changes"] == []
    assert (folder / RECORDS).read_bytes() == before
    rows = record_rows(folder)
    chosen = next(row for row in rows if row["outcome"] == "correct")
    [[request, ordinal]] = chosen["requests"]
    chosen["requests"] = [[request, ordinal, 1]]
    (folder / RECORDS).write_text("".join(json.dumps(row) + "\n" for row in rows))
    [change] = json.loads(main("score", folder, "--json").out)["changes"]
    assert (change["question"], change["after"]["outcome"]) == (chosen["question"], "declined")
    [shown] = json.loads(main("show", folder, chosen["question"], "--json").out)["modes"]
    [exchange] = shown["exchanges"]
    assert (exchange["replicate"], exchange["ordinal"]) == (1, ordinal)
    assert exchange["completions"][0]["text"] == "I can't tell which of them it is."
    assert main("show", folder, chosen["question"]).code == 0
    assert main("report", folder, "--no-plots").code == 0
    assert main("run", "--resume", folder, "-q").code == 0
    assert path.read_bytes().startswith(good)
    assert (folder / RECORDS).read_bytes() == before  # what is resumed is the first replicate


def replicate(number: int, line: dict[str, Any]) -> dict[str, Any]:
    """The line as one of another replicate."""
    out: dict[str, Any] = {}
    for name, value in line.items():
        out[name] = value
        if name == "ordinal":
            out["replicate"] = number
    return out


def test_a_line_that_is_written_in_another_order_is_found(tmp_path: Path) -> None:
    """As a later version may write it, or a person's tool: only the head that this version writes is known by its
    bytes."""
    turned = dict(reversed(row("q", "a = b").items()))
    index = index_of(tmp_path, sealed(turned), sealed(row("q", "later")))
    assert texts(index) == [["a = b"]]
    assert equals(index) is True
    assert index.state().repeated == 1


def test_a_good_line_counts_before_one_that_only_looks_like_one(tmp_path: Path) -> None:
    strange = sealed(row("q", "x =") | {"sampling": {}})
    for lines in ([strange, sealed(row("q", "fine"))], [strange, strange, sealed(row("q", "fine"))]):
        index = index_of(tmp_path, *lines)
        assert texts(index) == [["fine"]]
        assert len(read_journal(tmp_path / JOURNAL).replies) == 1
        assert read_journal(tmp_path / JOURNAL).damaged == len(lines) - 1


@pytest.mark.parametrize("reasoning", ["", "r"])
@pytest.mark.parametrize("text", ["", "t"])
def test_what_is_visible_of_a_response(text: str, reasoning: str, tmp_path: Path) -> None:
    more = {"reasoning": reasoning} if reasoning else {}
    index = index_of(tmp_path, sealed(row("q", text, prompt='"text":"x","reasoning":"y"', **more)))
    assert index.says("visible", keys()) is bool(text)
    assert index.says("reasoned", keys()) is bool(reasoning)
