"""Letters: outputs to multiple-choice questions in the shapes that models write, from `cases/reading/`."""

from __future__ import annotations

import itertools
import time

import pytest
from cases import groups, load, row, rows

from cotbench.answers.reading import extract
from cotbench.types import LETTERS, AnswerType

Row = tuple[str, str, str | None]

LETTER = AnswerType.LETTER
FIELDS = "case output answer"

OPTIONS: dict[str, tuple[tuple[str, ...], list[Row]]] = {}
for group, table in load("reading/letters").items():
    options, outputs = row(table, "options rows")
    OPTIONS[group] = (tuple(options), rows(outputs, FIELDS))
METALS = OPTIONS["metals"][0]

CASES = {
    f"{name}: {reason}": (options, text, answer)
    for name, (options, table) in OPTIONS.items()
    for reason, text, answer in table
}

each_case = pytest.mark.parametrize(("options", "text", "answer"), CASES.values(), ids=CASES)


def test_the_tables_are_tables() -> None:
    all_rows = [row for _, table in OPTIONS.values() for row in table]
    assert len(CASES) == len(all_rows) >= 170  # no reason names two rows
    assert {len(options) for options, _ in OPTIONS.values()} >= {2, 3, 4, 5, 10}
    assert (
        sum(answer is None for _, _, answer in all_rows) > len(all_rows) / 5
    )  # outputs without an answer matter as much
    for options, table in OPTIONS.values():
        assert len(set(options)) == len(options)
        assert {answer for _, _, answer in table if answer} <= set(LETTERS[: len(options)])


@each_case
def test_reading(options: tuple[str, ...], text: str, answer: str | None) -> None:
    assert extract(text, LETTER, options).answer == answer


@each_case
def test_span_holds_the_source(options: tuple[str, ...], text: str, answer: str | None) -> None:
    found = extract(text, LETTER, options)
    assert (found.span is None) == (found.answer is None)
    if found.span is not None:
        source = text[slice(*found.span)]
        assert source == source.strip() != ""
        assert extract(f"Answer: {source}", LETTER, options).answer == found.answer


@each_case
def test_line_ends_and_thoughts_change_nothing(options: tuple[str, ...], text: str, answer: str | None) -> None:
    bare = extract(text, LETTER, options)
    assert extract(text.replace("\n", "\r\n"), LETTER, options).answer == bare.answer
    if "think>" not in text and text.strip():
        thought = "<think>Perhaps\nAnswer: (A)\n\\boxed{B}\nSo option C is correct.\n</think>\n"
        found = extract(thought + text, LETTER, options)
        assert (found.answer, found.rule) == (bare.answer, bare.rule)


@each_case
def test_a_cut_never_changes_the_letter(options: tuple[str, ...], text: str, answer: str | None) -> None:
    """Where the text was cut at the token budget, fewer rules apply: they may read less, never something else."""
    assert extract(text, LETTER, options, truncated=True).answer in (extract(text, LETTER, options).answer, None)


FORMS = [
    *(
        "{}",
        "{}.",
        " {}",
        "({})",
        "**{}**",
        "[{}]",
        "`{}`",
        "Option {}",
        " option {}",
        "Answer: {}",
        "Answer: ({})",
        "answer: {}.",
    ),
    *(
        "The answer is {}",
        "The answer is ({}).",
        "So the answer must be {}!",
        "The answer is most likely {}",
        "Answer: {} (most likely)",
    ),
    *("\\boxed{{{}}}", "$\\boxed{{\\text{{{}}}}}$", "<answer>{}</answer>", "FINAL_ANSWER: {}", '{{"answer": "{}"}}'),
    *(
        "It bores.\nSo, {}",
        "It bores.\nSo, {}.",
        "It bores.\nHence ({})",
        "It bores, which is option {}",
        "It bores.\n{}",
    ),
    *(
        "It bores, which is option {}.",
        "It bores.\nI would choose {}.",
        "It bores.\n\n**{}**",
        "It bores, so it has to be **{}**.",
    ),
    *(
        "Therefore, option {} is correct.",
        "({}) is the correct answer.",
        "Thus {} is the best answer.",
        "So the answer is {}, I think.",
    ),
    *(
        "That leaves us with ({}).",
        "This leaves {}.",
        "It matches option {}.",
        "{}\n\nIt bores a hole.",
        "{}, because it bores",
    ),
    *("答案是{}。", "所以选{}。", "【答案】{}", "La respuesta es {}.", "Die Antwort ist {}.", "La réponse est {}."),
]


@pytest.mark.parametrize("form", FORMS)
def test_no_letter_is_easier_to_read_than_another(form: str) -> None:
    """A is an article and a preposition, I a pronoun; a model that prefers them must not be read less often."""
    read = [extract(form.format(letter), LETTER, OPTIONS["tools"][0]).answer for letter in LETTERS[:10]]
    assert read == list(LETTERS[:10])


# --- every language of the questions ------------------------------------------------------------------------------

LANGUAGES = {language: row(table, "states denies") for language, table in load("reading/languages").items()}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_states_options(language: str) -> None:
    states, denies = LANGUAGES[language]
    for form, letter in itertools.product(states, "ABCD"):
        assert extract(form.format(letter), LETTER, METALS).answer == letter, form
    for form, letter in itertools.product(denies, "ABCD"):
        assert extract(form.format(letter), LETTER, METALS).answer is None, form


# --- not one but the other, several, none; taken back --------------------------------------------------------------

JUDGED = rows(load("reading/judged"), FIELDS)


@pytest.mark.parametrize(("text", "answer"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_what_is_stated_in_the_end(text: str, answer: str | None) -> None:
    assert extract(text, LETTER, METALS).answer == answer
    assert extract(text, LETTER, METALS, truncated=True).answer in (answer, None)
    assert extract(text.replace("\n", "\r\n"), LETTER, METALS).answer == answer


@pytest.mark.parametrize(
    "text",
    [
        "Answer: cannot be determined",
        "The answer cannot be determined from the information given.",
        "It is impossible to determine the answer.",
        "The question does not give enough information to determine the metal.",
    ],
)
def test_what_cannot_be_told_is_declined(text: str) -> None:
    found = extract(text, LETTER, METALS)
    assert (found.answer, found.rule) == (None, "declined")
    assert extract(text, LETTER, ("Copper", "It cannot be determined", "Zinc")).answer in ("B", None)
    assert extract("Answer: Cannot be determined", LETTER, ("Copper", "Cannot be determined", "Zinc")).answer == "B"


@pytest.mark.parametrize(
    ("text", "options", "answer"),
    [
        ("No, it is not a metal that bends.", ("Yes", "No"), "B"),
        ("Yes, as the rod is grey.", ("Yes", "No"), "A"),
        ("Yes and no.", ("Yes", "No"), None),
        ("If the crabs left, the herons would be the hungriest, as they eat nothing else.", ("herons", "crabs"), None),
        ("If the mice left, the owls would go hungry.", ("owls", "frogs"), "A"),
        (
            "If you want the smoothest of them, you would choose option (D) glass.",
            ("wood", "felt", "slate", "glass"),
            "D",
        ),
        ("The Heat-Pump uses the least power overall.", ("Boiler", "Heat Pump", "Stove"), "B"),
        ("The speech most resembles the Ford Plan. Both ask for peace.", ("Ford Plan", "Hill Doctrine"), "A"),
    ],
)
def test_an_option_in_the_main_clause(text: str, options: tuple[str, ...], answer: str | None) -> None:
    assert extract(text, LETTER, options).answer == answer


# --- said of an option, but not given as the answer; and what gives it after all, by kind -----------------------------

SAID = groups("reading/said", "output answer")


@pytest.mark.parametrize(
    ("text", "answer"),
    [row for table in SAID.values() for row in table],
    ids=[f"{kind}: {text[:40]}" for kind, table in SAID.items() for text, _ in table],
)
def test_what_is_said_of_an_option(text: str, answer: str | None) -> None:
    assert extract(text, LETTER, METALS).answer == answer
    assert extract(text, LETTER, [""] * 4).answer == answer
    assert extract(text, LETTER, METALS, truncated=True).answer in (answer, None)


NONE_OF_THEM = ("1", "2", "3", "None of the above")


@pytest.mark.parametrize(
    ("text", "options", "answer"),
    [
        ("None of the options is correct.", NONE_OF_THEM, "D"),
        ("The answer is none of these.", NONE_OF_THEM, "D"),
        ("Answer: None of the above", NONE_OF_THEM, "D"),
        ("None of A, B, C is correct.", NONE_OF_THEM, "D"),
        ("None of A, B or C fits.", ("1", "2", "3", "4"), "D"),
        ("None of A, B, C and D is correct.", NONE_OF_THEM, None),
        ("None of the options is correct.", ("1", "2", "3", "4"), None),
        ("The answer is none of these.", ("1", "2", "3", "4"), None),
        ("The correct answer is not listed.", ("1", "Not listed", "3"), "B"),
        ("以上选项都不正确。", ("红", "白", "以上都不对"), "C"),
        ("Ninguna de las opciones es correcta.", ("uno", "dos", "Ninguna de las anteriores"), "C"),
        ("Aucune des réponses n'est correcte.", ("un", "Aucune de ces réponses"), "B"),
        ("Keine der Antworten ist richtig.", ("eins", "zwei", "Keine der genannten"), "C"),
        ("None of the options is correct, but 2 is closest. Answer: B", NONE_OF_THEM, "B"),
    ],
)
def test_none_of_them_is_the_option_that_says_so(text: str, options: tuple[str, ...], answer: str | None) -> None:
    assert extract(text, LETTER, options).answer == answer


def test_a_thought_that_hangs_in_a_condition_states_nothing() -> None:
    assert extract("<think>Is the answer A? Perhaps the answer is A, unless", LETTER, [""] * 4).answer is None


DOUBT = "We go through the metals in turn and compare how each of them takes the heat of the lamp. " * 6


def test_a_long_text_that_breaks_off_in_doubt_states_nothing() -> None:
    stated = DOUBT + "\n\nSo the best answer is C."
    assert extract(stated, LETTER, METALS).answer == "C"
    assert extract(stated + "\n\nIt melts last of all the", LETTER, METALS).answer == "C"
    assert extract(stated + "\n\nWait, but maybe the lamp is filled with", LETTER, METALS).answer is None


LETTER_FRAGMENTS = [
    *(
        "选",
        "B是正确的",
        "因此 ",
        "A:甲;",
        "A: x; B: y; ",
        "Option A is ",
        "wait, ",
        "none of the options ",
        "If A, ",
        "not A, ",
    ),
    *(
        "is:\n",
        "is **A. ",
        "the only one that is not ",
        "<eoa>",
        "답 ",
        "B가 ",
        "정답 (",
        "respuesta a b c d e ",
        "opción ",
        "answer(",
    ),
    *(
        "Answer[",
        "'answer': '",
        '{"answer": "B", ',
        '"} ',
        "\n}",
        "correct ",
        "closest ",
        *(
            "不能选",
            "很多人会",
            "如果答案是",
            "A ✗ ",
            "A错，",
            "A B ",
            "not A, ",
            "return 'A",
            "answer = '",
            "\\[ \\text{A} ",
        ),
        *(
            "many would choose ",
            "the right one shown in ",
            "None of A, B, ",
            "I think it's ",
            "which is option A ",
            "no, it ",
        ),
        *(
            "정답이 A라면 ",
            "Correct option: ",
            "none of ",
            "\\mathbf{Answer:} \\; ",
            "A remains ",
            "<|think",
            "</ think",
        ),
        "A, ",
        "\nA. ",
        "la ",
        "[A] ",
    ),
]


@pytest.mark.parametrize("fragment", LETTER_FRAGMENTS)
def test_repeats_cost_no_more_than_their_length(fragment: str) -> None:
    text = fragment * (20_000 // len(fragment))
    start = time.process_time()
    extract(text, LETTER, METALS)
    assert time.process_time() - start < 0.5
