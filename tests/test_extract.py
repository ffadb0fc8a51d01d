r"""Reading answers: tables of (reason, output, answer, rule), and what must hold for any text at all.

The outputs are ours, in the shapes that models produce; the reason of a row is its test id. Where a row has no answer,
the right reading is "unread": a wrong reading would count against the model, and not in every mode alike.
"""

from __future__ import annotations

import inspect
import re
import time
from dataclasses import fields
from fractions import Fraction

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cotbench.answers.reading import (
    MAX_ANSWER_CHARS,
    VAGUE,
    boxed_spans,
    canonical_number,
    extract,
    show_number,
    split_reasoning,
)
from cotbench.answers.reading.characters import PLAIN_SIGNS
from cotbench.types import AnswerType, Question

Row = tuple[str, str, str | None, str]

NUMBER, LETTER, LATEX = AnswerType.NUMBER, AnswerType.LETTER, AnswerType.LATEX

TRIP = ("Boat", "Train", "Plane", "Car")
CLAIMS = ("The tax rose", "The tax fell", "Neither claim can be checked", "All of the above")
CELLS = ("T-cells", "B-cells", "E. coli", "Not a cell", "C#")
GENES = ("AA", "Aa", "aa", "B")
ROOTS = ("5", "-5", "[0, 1)", "(0, 1]")
TEN = tuple(
    f"statement {name}" for name in ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
)

# --- numbers ------------------------------------------------------------------------------------------------------

NUMBERS: list[Row] = [
    # The contract line and how models dress it.
    ("plain contract line", "Answer: 42", "42", "contract"),
    ("reasoning first", "6 boxes of 7 make 6 * 7 = 42 eggs.\nAnswer: 42", "42", "contract"),
    ("bold word", "**Answer:** 42", "42", "contract"),
    ("bold word, colon outside", "**Answer**: 42", "42", "contract"),
    ("bold line", "**Answer: 42**", "42", "contract"),
    ("bold value", "Answer: **42**", "42", "contract"),
    ("bold word and value", "**Answer:** **42**", "42", "contract"),
    ("heading", "### Answer: 42", "42", "contract"),
    ("underscores", "__Answer__: 42", "42", "contract"),
    ("code quotes", "Answer: `42`", "42", "contract"),
    ("block quote", "> Answer: 42", "42", "contract"),
    ("list item", "- Answer: 42", "42", "contract"),
    ("final answer", "Final Answer: 42", "42", "contract"),
    ("correct answer", "Correct answer: 42", "42", "contract"),
    ("upper case", "ANSWER: 42", "42", "contract"),
    ("no space", "Answer:42", "42", "contract"),
    ("space before the colon", "Answer : 42", "42", "contract"),
    ("full-width colon", "Answer：42", "42", "contract"),
    ("no-break space behind the colon", "Answer:\u00a042", "42", "contract"),
    ("zero-width space before and behind", "\u200bAnswer:\u200b 42", "42", "contract"),
    ("byte-order mark", "\ufeffAnswer: 42", "42", "contract"),
    ("Windows line ends", "So it is 42.\r\nAnswer: 42\r\n", "42", "contract"),
    ("placeholder's brackets kept", "Answer: <42>", "42", "contract"),
    ("in the same line as the reasoning", "6 * 7 = 42. Answer: 42", "42", "contract"),
    # The value below the word.
    ("value on the next line", "Answer:\n42", "42", "contract"),
    ("value behind an empty line", "**Final answer:**\n\n42", "42", "contract"),
    ("heading without a colon", "## Final Answer\n\n**42**", "42", "contract"),
    ("display math below", "Answer:\n\\[\n42\n\\]", "42", "contract"),
    ("display dollars below", "Answer:\n$$\n42\n$$", "42", "contract"),
    ("code block below", "Answer:\n```\n42\n```", "42", "contract"),
    ("bullet below isn't a minus", "Answer:\n- 42", "42", "contract"),
    ("minus below", "Answer:\n-42", "-42", "contract"),
    (
        "'Answer:' as the heading of a worked solution",
        "**Answer:**\n\nFirst we take the 16 eggs that the hens lay.\n\n16 - 7 = 9\n\n#### 9",
        "9",
        "hashes",
    ),
    ("'Answer:' over numbered steps", "Answer:\n1. There are 3 bags.\n2. 3 * 5 = 15\n\\boxed{15}", "15", "boxed"),
    # Several lines, and text around them.
    ("the last of several lines wins", "Answer: 10\nWait, I forgot two.\nAnswer: 12", "12", "contract"),
    ("two in one line", "Answer: 10? No. Answer: 12", "12", "contract"),
    ("text behind the answer", "Answer: 42\n\nI hope this helps! Ask me before 5 pm.", "42", "contract"),
    ("the last readable line wins", "Answer: 42\nAnswer: see above", "42", "contract"),
    ("the contract beats a box", "\\boxed{10} is for one day.\nAnswer: 20", "20", "contract"),
    ("the placeholder repeated", "Answer: <number>", None, ""),
    ("the placeholder first, then an answer", "The form is\nAnswer: <number>\nAnswer: 7", "7", "contract"),
    ("nothing behind the colon", "Answer:", None, ""),
    ("spaces behind the colon", "Answer:    ", None, ""),
    ("a number in words", "Answer: forty-two", "42", "contract"),
    ("a number in words, bold, with a unit", "**Answer:** **Twelve** eggs", "12", "contract"),
    ("hundreds in words", "The answer is three hundred and five.", "305", "phrase"),
    ("digits and a scale in words", "Answer: 3 hundred and forty one", "341", "contract"),
    ("words without a number", "Answer: several of them", None, ""),
    ("a refusal", "I can't answer this.", None, "declined"),
    ("'isn't'", "The answer isn't here.", None, ""),
    # What the number looks like.
    ("cents and a full stop", "Answer: 57.00.", "57", "contract"),
    ("space as thousands separator", "Answer: 9 500", "9500", "contract"),
    ("no-break space as thousands separator", "Answer: 9\u00a0500", "9500", "contract"),
    ("narrow space as thousands separator", "Answer: 9\u202f500", "9500", "contract"),
    ("thin space as thousands separator", "Answer: 9\u2009500", "9500", "contract"),
    ("comma as thousands separator", "Answer: 1,000", "1000", "contract"),
    ("commas and cents", "Answer: 1,234,567.50", "1234567.5", "contract"),
    ("LaTeX thousands separator", "Answer: $1{,}000$", "1000", "contract"),
    ("LaTeX thin space", "Answer: 1\\,000", "1000", "contract"),
    ("LaTeX negative space", "Answer: 10,\\!000", "10000", "contract"),
    ("a year isn't grouped", "Answer: 2023", "2023", "contract"),
    ("dollars", "Answer: $18", "18", "contract"),
    ("unit", "Answer: 18 dollars", "18", "contract"),
    ("unit glued on", "Answer: 18kg", "18", "contract"),
    ("escaped dollar", "Answer: \\$36", "36", "contract"),
    ("escaped dollar in math", "Answer: $\\$36$", "36", "contract"),
    ("euro behind", "Answer: 36 €", "36", "contract"),
    ("math", "Answer: $42$", "42", "contract"),
    ("inline math", "Answer: \\(42\\)", "42", "contract"),
    ("negative", "Answer: -5", "-5", "contract"),
    ("negative in bold", "**Answer:** -5", "-5", "contract"),
    ("negative, bold value", "Answer: **-5**", "-5", "contract"),
    ("a minus that stands apart", "Answer: - 5", "-5", "contract"),
    ("unicode minus", "Answer: \u22125", "-5", "contract"),
    ("en dash as minus", "Answer: \u20135", "-5", "contract"),
    ("minus before the currency", "Answer: -$5", "-5", "contract"),
    ("minus behind the currency", "Answer: $-5", "-5", "contract"),
    ("negative decimal", "Answer: -0.50", "-0.5", "contract"),
    ("no zero before the point", "Answer: .5", "0.5", "contract"),
    ("percent counts as it stands", "Answer: 25%", "25", "contract"),
    ("escaped percent", "Answer: $25\\%$", "25", "contract"),
    ("fraction", "Answer: 3/4", "0.75", "contract"),
    ("fraction that doesn't end", "Answer: 1/3", "1/3", "contract"),
    ("LaTeX fraction", "Answer: $\\frac{3}{4}$", "0.75", "contract"),
    ("LaTeX fraction without braces", "Answer: \\frac34", "0.75", "contract"),
    ("negative LaTeX fraction", "Answer: -\\frac{3}{4}", "-0.75", "contract"),
    ("mixed number", "Answer: 2 1/2 cups", "2.5", "contract"),
    ("mixed LaTeX number", "Answer: $2\\frac{1}{2}$", "2.5", "contract"),
    ("division by zero", "Answer: 12/0", None, ""),
    ("LaTeX division by zero", "Answer: \\frac{1}{0}", None, ""),
    ("scientific notation", "Answer: 1.5e3", "1500", "contract"),
    ("times a power of ten", "Answer: $1.5 \\times 10^3$", "1500", "contract"),
    ("a time of day isn't a number", "Answer: 7:30", None, ""),
    ("a version isn't a number", "Answer: v2.0", None, ""),
    ("several points are thousands separators", "Answer: 1.000.000", "1000000", "contract"),
    ("one point is a decimal point", "Answer: 1.000", "1", "contract"),
    ("decimal comma", "Answer: 12,5", "12.5", "contract"),
    ("a scale in words", "Answer: 3.5 million", "3500000", "contract"),
    ("0.333... is what is written", "Answer: 0.333...", "0.333", "contract"),
    # Sums and remarks on the answer line.
    ("a sum without its result", "There are 3 of them.\nAnswer: 5 + 7", None, ""),
    ("a range", "There are 3 of them.\nAnswer: 5 to 7", None, ""),
    ("a + b = c", "Answer: 5 + 7 = 12", "12", "contract"),
    ("a + b = c with a unit", "Answer: 3 * 4 = 12 apples", "12", "contract"),
    ("x = c", "Answer: x = 12", "12", "contract"),
    ("remark with a number", "Answer: 42 (6 boxes of 7)", "42", "contract"),
    ("remark with an equation", "Answer: 12 dollars (= 1200 cents)", "12", "contract"),
    ("brackets that are part of the sum", "Answer: 3 * (4 + 2) = 18", "18", "contract"),
    ("sentence", "Answer: She has 42 apples left", "42", "contract"),
    # Boxes, hashes, phrases.
    ("box", "So $\\boxed{42}$ apples.", "42", "boxed"),
    ("box in the contract", "Answer: \\boxed{42}", "42", "contract"),
    ("box with a unit", "\\boxed{42\\text{ apples}}", "42", "boxed"),
    ("box with a thousands comma", "\\boxed{1,234}", "1234", "boxed"),
    ("box with dollars", "\\boxed{\\$18}", "18", "boxed"),
    ("the last box wins", "\\boxed{12} per day, so \\boxed{84}.", "84", "boxed"),
    ("empty box", "\\boxed{}", None, ""),
    ("hashes", "6 * 7 = 42\n#### 42", "42", "hashes"),
    ("hashes with a full stop", "It costs that.\n#### 42.", "42", "hashes"),
    ("hashes with a thousands comma", "#### 1,000", "1000", "hashes"),
    ("hashes, negative", "#### -7", "-7", "hashes"),
    ("the last hashes win", "#### 5\n#### 6", "6", "hashes"),
    ("headings aren't answers", "#### Step 1: add\n3 + 4 = 7\n#### Step 2: stop\nThe answer is 7.", "7", "phrase"),
    ("numbered headings aren't answers", "#### 1. Add up\n3 + 4 = 7\nThe answer is 7.", "7", "phrase"),
    ("phrase", "The answer is 42.", "42", "phrase"),
    ("phrase in bold", "The final answer is **42**.", "42", "phrase"),
    ("phrase with a colon", "So the correct answer is: $42$", "42", "phrase"),
    ("phrase with adverbs", "The answer is therefore approximately 42.", "42", "phrase"),
    ("phrase about the question", "The answer to the question is 42.", "42", "phrase"),
    ("phrase, equals", "answer = 42", "42", "phrase"),
    ("phrase with hope", "The answer is $42$. I hope it is correct.", "42", "phrase"),
    ("denied", "The answer is not 41.", None, ""),
    ("a wrong answer named", "A common wrong answer is 12. Do 3 * 5 to get 15", "15", "last"),
    ("other options aren't answers", "One option is 3 packs, another 2. Take 2 packs, so 18", "18", "last"),
    # The whole output, or its first line.
    ("nothing but the number", "42", "42", "only"),
    ("the number and a full stop", "42.", "42", "only"),
    ("the number in bold", "**42**", "42", "only"),
    ("the number in math", "$42$", "42", "only"),
    ("negative alone", "-42", "-42", "only"),
    ("the point of a decimal isn't punctuation", ".5", "0.5", "only"),
    ("first line, then an explanation", "42\n\nThere are 6 boxes of 7.", "42", "only"),
    ("the first of a list isn't an answer", "1. There are 3 bags.\n2. So 15", "15", "last"),
    # The last number.
    ("last number", "He pays 5 + 6 = 11 dollars", "11", "last"),
    ("a minus that subtracts isn't a sign", "She had 15 and now 15 - 3", "3", "last"),
    ("last number after a dash", "from 10-12", "12", "last"),
    ("a day's number behind the answer", "So she has 9 eggs left on day 3.", "9", "last"),
    ("last number in words", "So there are thirty-one birds in all.", "31", "last"),
    # Reasoning.
    ("thought closed", "<think>Answer: 5</think>\nAnswer: 6", "6", "contract"),
    ("thought closed, same line", "<think>Answer: 5</think>Answer: 6", "6", "contract"),
    ("only the closing tag", "So 5? No, 6.\n</think>\n\nAnswer: 6", "6", "contract"),
    ("thought left open", "<think>\nAnswer: 5", "5", "thought"),
    ("a second thought left open", "<think>a</think><think>Answer: 5", "5", "thought"),
    ("thought left open, no answer at its end", "<think>\nAnswer: 5? " + "Let me see. " * 60, None, "unclosed_think"),
    ("nothing behind the thought", "<think>Answer: 5</think>", "5", "thought"),
    ("line ends behind the thought", "So 2 * 3 = 6.\n</think>\n\n", "6", "thought"),
    ("the last of two thoughts, nothing behind", "<think>4</think><think>So 5.</think>", "5", "thought"),
    ("nothing in the thought either", "<think>No idea.</think>", None, ""),
    ("not an answer, but not nothing, behind the thought", "<think>Answer: 5</think>Done.", None, ""),
    ("empty thought", "<think>\n\n</think>\n\n42", "42", "only"),
    # Running on.
    ("invented question", "Answer: 42\n\nQuestion: A man has 3 cats. How many?\nAnswer: 3", "42", "contract"),
    ("invented question, short", "#### 42\n\nQ: A man has 3 cats.\n#### 3", "42", "hashes"),
    ("invented turn", "The answer is 42.\nUser: Thanks! And 7 times 8?\nThe answer is 56.", "42", "phrase"),
    ("end of turn", "Answer: 42<|im_end|>\n<|im_start|>user\nAnswer: 3", "42", "contract"),
    ("end of text", "Answer: 42</s>", "42", "contract"),
    ("the question repeated first", "Question: 6 boxes of 7?\nAnswer: 42", "42", "contract"),
    ("repeated first, then invented", "Question: 6 of 7?\nAnswer: 42\nQuestion: 2 of 2?\nAnswer: 4", "42", "contract"),
    ("an answer line without an answer doesn't end the text", "Answer: <number>\nQ: so?\nAnswer: 4", "4", "contract"),
    # Nothing.
    ("empty output", "", None, ""),
    ("white space", " \n\t ", None, ""),
    ("no digits", "I am not sure.", None, ""),
]

# --- letters: options, then rows ----------------------------------------------------------------------------------

LETTERS_OF: list[tuple[tuple[str, ...], list[Row]]] = [
    (
        TRIP,
        [
            ("plain contract line", "Answer: C", "C", "contract"),
            ("brackets", "Answer: (C)", "C", "contract"),
            ("a lead-in before the contract", "It flies.\n\nThus, Answer: B", "B", "contract"),
            ("the answer line announced", "Here is the answer line: Answer: B", "B", "contract"),
            ("called an answer line", "It flies.\nAnswer line: B", "B", "contract"),
            ("an arrow before it", "It flies. → Answer: B", "B", "contract"),
            ("a letter alone below the reasoning", "We think about it.\nSo it flies.\nB", "B", "marked"),
            ("so, a letter", "It flies.\nSo, B.", "B", "marked"),
            ("it's a letter", "It flies.\nIt's B", "B", "marked"),
            ("which is option", "It flies and lands again, which is option B.", "B", "marked"),
            ("two options on the last line", "It flies.\nA is wrong, which leaves option B or option C", None, ""),
            ("square brackets", "Answer: [C]", "C", "contract"),
            ("placeholder's brackets kept", "Answer: <C>", "C", "contract"),
            ("quotes", "Answer: “C”", "C", "contract"),
            ("bold", "Answer: **C**", "C", "contract"),
            ("bold line", "**Answer: C**", "C", "contract"),
            ("bold word", "**Answer:** C", "C", "contract"),
            ("box", "Answer: \\boxed{C}", "C", "contract"),
            ("math", "Answer: $C$", "C", "contract"),
            ("inline math", "Answer: \\(C\\)", "C", "contract"),
            ("text command", "Answer: $\\text{C}$", "C", "contract"),
            ("full stop", "Answer: C.", "C", "contract"),
            ("end of text token", "Answer: C</s>", "C", "contract"),
            ("next line", "Answer:\nC) Plane", "C", "contract"),
            ("heading", "## Answer\n\n**C**", "C", "contract"),
            ("letter and text with a full stop", "Answer: C. Plane", "C", "contract"),
            ("letter and text with a bracket", "Answer: C) Plane", "C", "contract"),
            ("letter and text with a dash", "Answer: C - Plane", "C", "contract"),
            ("letter and text with a colon", "Answer: C: Plane", "C", "contract"),
            ("letter and text in brackets", "Answer: C (Plane)", "C", "contract"),
            ("the letter counts where the text is another's", "Answer: C. Train", "C", "contract"),
            ("option C", "Answer: Option C", "C", "contract"),
            ("option C, lower case", "Answer: option (C)", "C", "contract"),
            ("correct answer", "Correct answer: C", "C", "contract"),
            ("my answer", "My answer: C", "C", "contract"),
            ("same line as the reasoning", "Planes are fastest. Answer: C", "C", "contract"),
            ("an explanation behind", "Answer: C\n\nA) is slow, and B) is slower.", "C", "contract"),
            ("a reason behind", "Answer: C, because A is slow", "C", "contract"),
            ("the other is ruled out", "Answer: C (not A)", "C", "contract"),
            ("A with a reason", "Answer: A because boats float", "A", "contract"),
            ("the last line wins", "Answer: A\nNo, faster.\nAnswer: C", "C", "contract"),
            ("the last of one line wins", "Answer: A seems right. Answer: C", "C", "contract"),
            ("lower case", "answer: c", "C", "contract"),
            ("lower case in brackets", "Answer: (c)", "C", "contract"),
            ("lower case with the text", "Answer: c) plane", "C", "contract"),
            ("lower-case a alone", "Answer: a", "A", "contract"),
            ("a word in lower case", "Answer: carriage", None, ""),
            # The option's text.
            ("option text", "Answer: Plane", "C", "contract"),
            ("option text, other case and full stop", "Answer: plane.", "C", "contract"),
            ("option text in bold", "Answer: **Plane**", "C", "contract"),
            ("option text in quotes", 'Answer: "Plane"', "C", "contract"),
            ("option text with an article", "Answer: the plane", "C", "contract"),
            ("option text behind the article A", "Answer: A plane", "C", "contract"),
            ("more than the option text", "Answer: Planes and boats", None, ""),
            # What is no answer.
            ("placeholder", "Answer: <letter>", None, ""),
            ("letter beyond the options", "Answer: E", None, ""),
            ("last letter of the alphabet", "Answer: Z", None, ""),
            ("article", "Answer: A vehicle with wings", None, ""),
            ("article at the start of a sentence", "A plane is fastest of all.", "C", "option"),
            ("article at the start, no option", "A vehicle with wings is fastest of all.", None, ""),
            ("article in lower case", "It is a fast one.", None, ""),
            ("none of the range", "none of A through D", None, ""),
            ("none of the range, contract", "Answer: none of A through D", None, ""),
            ("a temperature", "Answer: 61 C", None, ""),
            ("a temperature with a sign", "61 °C", None, ""),
            ("two letters with and", "Answer: A and C", None, ""),
            ("two letters with or", "Answer: B or C", None, ""),
            ("two letters with a comma", "Answer: B, C", None, ""),
            ("two letters with a slash", "Answer: B/C", None, ""),
            ("two letters with an ampersand", "Answer: B & C", None, ""),
            ("two letters in brackets", "Answer: (B) and (C)", None, ""),
            ("both", "Answer: Both A and C", None, ""),
            ("denied", "Answer: not A", None, ""),
            ("denied in a phrase", "The answer is not A", None, ""),
            ("denied, then another", "The answer is not A but C", "C", "phrase"),
            ("letter of a word", "Answer: Car-like", None, ""),
            ("sum", "Answer: A + B", None, ""),
            ("an apostrophe", "Answer: D'accord", None, ""),
            # Boxes and phrases.
            ("box alone", "\\boxed{C}", "C", "boxed"),
            ("box with text command", "So $\\boxed{\\text{C}}$.", "C", "boxed"),
            ("box with brackets", "$\\boxed{\\textbf{(C)}}$", "C", "boxed"),
            ("box with the option text", "\\boxed{\\text{C) Plane}}", "C", "boxed"),
            ("phrase", "So the answer is (C).", "C", "phrase"),
            ("D, not A", "The best answer is D, not A.", "D", "phrase"),
            ("correct option", "The correct option is C.", "C", "phrase"),
            ("correct answer is option", "The correct answer is option (C).", "C", "phrase"),
            ("correct choice with its text", "The correct choice is **(C) Plane**.", "C", "phrase"),
            ("phrase with a colon and bold", "The correct answer is: **C**", "C", "phrase"),
            ("probably", "I would say the answer is most likely C.", "C", "phrase"),
            ("phrase with the option text", "The answer is a plane.", "C", "phrase"),
            ("answer within the contract", "Answer: The correct option is C", "C", "contract"),
            ("the last phrase wins", "The answer is A? No, the answer is C.", "C", "phrase"),
            ("two in a phrase", "The answer is A or B.", None, ""),
            ("option C is correct", "Therefore, option C is correct.", "C", "phrase"),
            ("C is correct", "Planes fly.\nC is correct.", "C", "phrase"),
            ("(C) is the correct answer", "Hence **(C)** is the correct answer.", "C", "phrase"),
            ("I choose", "I would choose C.", "C", "phrase"),
            ("hypothesis", "If option B is correct, we are late.", None, ""),
            ("hypothesis, whether", "Whether B is the correct answer is open.", None, ""),
            ("hypothesis denied", "Option B is not correct.", None, ""),
            ("a wrong answer named", "The wrong answer is B.", None, ""),
            # The whole output, or its first line.
            ("nothing but the letter", "C", "C", "only"),
            ("nothing but the letter, brackets", "(C)", "C", "only"),
            ("nothing but the letter, bold", "**C**", "C", "only"),
            ("nothing but the letter, lower case", "c", "C", "only"),
            ("letter and text", "C) Plane", "C", "only"),
            ("letter and text, full stop", "C. Plane", "C", "only"),
            ("letter and reason in one line", "C) Planes are faster than the rest.", "C", "only"),
            ("first line, then an explanation", "C\n\nA) is slow. B) is slower.", "C", "only"),
            ("first line with its text, then an explanation", "C) Plane\n\nPlanes fly.", "C", "only"),
            ("a list of the options", "A) Boat\nB) Train\nC) Plane\nD) Car", None, ""),
            ("options discussed in one line", "A) is slow. B) is slow. Hence it flies", None, ""),
            # The last line.
            ("marked on the last line", "Planes fly.\n**C) Plane**", "C", "marked"),
            ("brackets on the last line", "Planes fly.\nThus (C) Plane", "C", "marked"),
            ("bold on the last line", "Planes fly.\nI would take **C**", "C", "marked"),
            ("no colon on the last line", "Planes fly.\nAnswer C", "C", "marked"),
            ("two marked letters", "Planes fly.\nIt is (B) or (C)", None, ""),
            ("one letter marked twice", "Planes fly.\nIt is (C), yes **C**", "C", "marked"),
            ("option text on the last line", "Planes fly.\n\nPlane", "C", "option"),
            ("the options listed on the last line", "We have (A) Boat and (B) Train", None, ""),
            # Reasoning and running on.
            ("thought closed", "<think>Answer: A</think>Answer: C", "C", "contract"),
            ("only the closing tag", "Answer: A?\n</think>\n\nC", "C", "only"),
            ("thought left open", "<think>Answer: A", "A", "thought"),
            ("nothing behind the thought", "<think>It flies. Answer: C</think>", "C", "thought"),
            ("invented question", "Answer: C\n\nQuestion: Which?\nA) x\nB) y\nAnswer: B", "C", "contract"),
            ("invented question in bold", "**Answer: C**\n\n**Question:** Which?\nAnswer: B", "C", "contract"),
            ("invented question behind a phrase", "The answer is (C).\n\nQ: Which?\nThe answer is (B).", "C", "phrase"),
            ("invented question behind a bare letter", "C\n\nQuestion: Which?\nAnswer: B", "C", "only"),
            ("end of turn token", "Answer: C<|eot_id|>Answer: B", "C", "contract"),
            ("the question repeated first", "Question: Which is fastest?\nAnswer: C", "C", "contract"),
            ("empty output", "", None, ""),
            ("no idea", "No idea, sorry.", None, ""),
        ],
    ),
    (
        CLAIMS,
        [
            ("all of the above", "Answer: All of the above", "D", "contract"),
            ("all of the above, phrase", "The answer is all of the above.", "D", "phrase"),
            ("option that begins with a denial", "The answer is neither claim can be checked.", "C", "phrase"),
            ("option text as the whole output", "The tax fell", "B", "option"),
            ("article as part of the option", "Answer: tax rose", "A", "contract"),
        ],
    ),
    (
        CELLS,
        [
            ("a word with a hyphen isn't a letter", "Answer: B-lymphocytes", None, ""),
            ("option with a hyphen", "Answer: B-cells", "B", "contract"),
            ("option that begins with a letter and a full stop", "Answer: E. coli", "C", "contract"),
            ("option that is a letter and a sign", "Answer: C#", "E", "contract"),
            ("option that begins with not", "The answer is not a cell.", "D", "phrase"),
        ],
    ),
    (
        GENES,
        [
            ("upper and lower case decide", "Answer: Aa", "B", "contract"),
            ("upper and lower case decide, phrase", "The answer is aa.", "C", "phrase"),
            ("a letter that is also another option's text", "Answer: B", "B", "contract"),
            ("no option is written so", "Answer: aA", None, ""),
        ],
    ),
    (
        ROOTS,
        [
            ("number as option", "Answer: 5", "A", "contract"),
            ("sign as part of the option", "Answer: -5", "B", "contract"),
            ("brackets as part of the option", "Answer: $(0, 1]$", "D", "contract"),
        ],
    ),
    (
        TEN,
        [
            ("tenth option", "Answer: J", "J", "contract"),
            ("eleventh letter", "Answer: K", None, ""),
            ("ninth option", "Answer: (I)", "I", "contract"),
            ("ninth option in a phrase", "The answer is I.", "I", "phrase"),
            ("pronoun", "Answer: I think so", None, ""),
            ("pronoun in a phrase", "The answer is I guess B", None, ""),
            ("pronoun as the whole output", "I think it is the last", None, ""),
            ("pronoun's contraction", "Answer: I'm not sure", None, ""),
            ("option text", "Answer: Statement seven", "G", "contract"),
            ("a letter and the pronoun", "Answer: B, I think", "B", "contract"),
        ],
    ),
]

# --- LaTeX --------------------------------------------------------------------------------------------------------

FORMULAS: list[Row] = [
    ("contract with a box", "Answer: \\boxed{3}", "3", "contract"),
    ("contract with a box in dollars", "Answer: $\\boxed{3}$.", "3", "contract"),
    ("contract in bold", "**Answer: \\boxed{3}**", "3", "contract"),
    ("contract without a box", "Answer: $\\frac{1}{2}$", "\\frac{1}{2}", "contract"),
    ("contract, display dollars", "Answer: $$\\frac{1}{2}$$", "\\frac{1}{2}", "contract"),
    ("contract, inline math", "Answer: \\(x+1\\)", "x+1", "contract"),
    ("contract, bare", "Answer: \\frac{1}{2}", "\\frac{1}{2}", "contract"),
    ("contract, bare sum", "Answer: x + 1", "x + 1", "contract"),
    ("contract, negative", "Answer: -5", "-5", "contract"),
    ("contract, pair", "Answer: (1, 2)", "(1, 2)", "contract"),
    ("contract, half-open interval", "Answer: [1, 2)", "[1, 2)", "contract"),
    ("contract, unit", "Answer: 5 cm", "5 cm", "contract"),
    ("contract, word", "Answer: Friday", "Friday", "contract"),
    ("contract, product with a star", "Answer: 2*x", "2*x", "contract"),
    ("contract, box on the next line", "Answer:\n\n\\boxed{5}", "5", "contract"),
    ("contract, display below", "Answer:\n\\[\n\\boxed{5}\n\\]", "5", "contract"),
    ("contract, display begins on the line", "Answer: \\[\n\\frac{5}{2}\n\\]", "\\frac{5}{2}", "contract"),
    ("contract, dollars below", "Answer:\n$$\nx^2\n$$", "x^2", "contract"),
    ("contract, currency", "Answer: $\\$5$", "\\$5", "contract"),
    ("contract, currency behind", "Answer: 36\\$", "36\\$", "contract"),
    ("contract, dangling dollar", "Answer: 5$", "5", "contract"),
    ("contract, spacing at the end", "Answer: $36\\,$", "36", "contract"),
    ("contract, factorial", "Answer: 5!", "5!", "contract"),
    ("contract, list in dollars", "Answer: $1$, $2$ and $3$", "1$, $2$ and $3", "contract"),
    ("contract, sentence behind", "Answer: 12. I hope it is correct.", "12", "contract"),
    ("contract, reason behind", "Answer: 12, because the sides are equal", "12", "contract"),
    ("contract, math and a reason with math", "Answer: $5$, since $x = 3$", "5", "contract"),
    (
        "contract, phrase within",
        "Final Answer: The final answer is $\\frac12$. I hope it is correct.",
        "\\frac12",
        "contract",
    ),
    ("contract, bare phrase within", "Final Answer: The final answer is 12. I hope it is correct.", "12", "contract"),
    ("contract, a sentence isn't a formula", "Answer: I do not know", None, ""),
    ("contract, a long sentence isn't a formula", "Answer: none of these numbers has such a root", None, ""),
    ("contract, placeholder", "Answer: <answer>", None, ""),
    ("contract, placeholder in a box", "Answer: \\boxed{<answer>}", None, ""),
    ("contract, placeholder, then an answer", "Answer: \\boxed{<answer>}\nAnswer: \\boxed{4}", "4", "contract"),
    ("contract, box left open", "Answer: \\boxed{12", None, ""),
    ("contract, the last wins", "Answer: \\boxed{5}\nNo.\nAnswer: \\boxed{6}", "6", "contract"),
    ("contract over a solution", "**Answer:**\n\nLet us first find the roots of it.\n\n\\boxed{5}", "5", "boxed"),
    ("several boxes", "We get \\boxed{1}, then \\boxed{2}.", "2", "boxed"),
    ("an answer in two boxes", "The roots are $\\boxed{1}$ and $\\boxed{2}$.", "1, 2", "boxed"),
    ("an answer in three boxes", "\\[ \\boxed{x}, \\quad \\boxed{y}, \\quad \\boxed{z} \\]", "x, y, z", "boxed"),
    ("contract, an answer in two boxes", "Answer: $\\boxed{-1}$ or $\\boxed{4}$", "-1, 4", "contract"),
    ("the same box twice", "So $\\boxed{7}$, $\\boxed{7}$.", "7", "boxed"),
    ("boxes of two paragraphs", "\\boxed{3}\n\n\\boxed{4}", "4", "boxed"),
    ("box in display math", "\\[ \\boxed{\\frac{1}{2}} \\]", "\\frac{1}{2}", "boxed"),
    ("box in display math over lines", "So\n\\[\nx = \\boxed{7}.\n\\]", "7", "boxed"),
    ("nested braces", "\\boxed{\\frac{\\sqrt{3}}{2^{n}}}", "\\frac{\\sqrt{3}}{2^{n}}", "boxed"),
    ("escaped braces", "\\boxed{\\{1, \\{2\\}\\}}", "\\{1, \\{2\\}\\}", "boxed"),
    ("box in a box", "\\boxed{\\boxed{5}}", "5", "boxed"),
    ("box without braces", "\\boxed 5", "5", "boxed"),
    ("box without braces or space", "$\\boxed5$", "5", "boxed"),
    ("the command's name in prose", "I use \\boxed notation below.", None, ""),
    ("fbox", "\\fbox{7}", "7", "boxed"),
    ("space before the brace", "\\boxed {5}", "5", "boxed"),
    ("spaces in the box", "\\boxed{ 5 }", "5", "boxed"),
    ("spacing command at the end", "\\boxed{5\\,}", "5", "boxed"),
    ("dollars in the box", "\\boxed{$5$}", "5", "boxed"),
    ("full stop in the box", "\\boxed{5.}", "5", "boxed"),
    ("text in the box", "\\boxed{\\text{Friday}}", "\\text{Friday}", "boxed"),
    ("box in text", "\\text{So }\\boxed{5}", "5", "boxed"),
    (
        "box over lines",
        "\\boxed{\n\\begin{pmatrix}\n1 \\\\ 2\n\\end{pmatrix}\n}",
        "\\begin{pmatrix}\n1 \\\\ 2\n\\end{pmatrix}",
        "boxed",
    ),
    ("math behind the box", "The value is $\\boxed{5}$, since $x = 3$.", "5", "boxed"),
    ("empty box", "\\boxed{}", None, ""),
    ("box with a space", "\\boxed{ }", None, ""),
    ("box with dots", "Put it into \\boxed{...}.", None, ""),
    ("box left open", "\\boxed{12", None, ""),
    ("box left open behind a closed one", "\\boxed{11} or \\boxed{12", "11", "boxed"),
    ("hashes", "#### \\frac{1}{2}", "\\frac{1}{2}", "hashes"),
    ("heading", "#### Step 1\nso\n\n$x = 5$", "x = 5", "last_math"),
    ("phrase", "Thus the answer is $x+1$.", "x+1", "phrase"),
    ("phrase without math", "The answer is 5", "5", "phrase"),
    ("phrase with a box", "The answer is \\boxed{5}.", "5", "phrase"),
    ("phrase with hope", "The final answer is $12$. I hope it is correct.", "12", "phrase"),
    ("phrase with hope glued on", "The final answer is $12$I hope it is correct.", "12", "phrase"),
    ("phrase with hope, without math", "The final answer is 12. I hope it is correct.", "12", "phrase"),
    ("phrase with a display below", "The answer is:\n\n\\[\\frac{1}{2}\\]", "\\frac{1}{2}", "phrase"),
    ("phrase, two formulas", "The answer is $x = 5$ and $y = 7$.", "x = 5$ and $y = 7", "phrase"),
    ("phrase that gives no answer", "The answer is that we cannot know.", None, "declined"),
    ("whole output a number", "12", "12", "only"),
    ("whole output a formula", "\\frac{1}{2}", "\\frac{1}{2}", "only"),
    ("whole output in dollars", "$x=5$", "x=5", "only"),
    ("whole output in display dollars", "$$x = 5$$", "x = 5", "only"),
    ("whole output a word", "Friday", "Friday", "only"),
    ("whole output a formula with one word", "So: \\(\\frac{3}{4}\\).", "\\frac{3}{4}", "only"),
    ("no formula", "No idea, sorry.", None, ""),
    ("an excuse of one word", "Sorry", None, ""),
    ("a refusal", "I cannot do this.", None, ""),
    ("last math", "So $x = 1$ for now.\n\nHence $y = 2$.", "y = 2", "last_math"),
    ("last math, line ends behind", "so it must be that\n\n$y = 2$\n\n", "y = 2", "last_math"),
    ("math of an earlier paragraph", "So $x = 1$ for now.\n\nI stop here, tired of it.", None, ""),
    ("one dollar isn't math", "I do not know, and $5 is too much", None, ""),
    ("escaped dollars aren't math", "It costs \\$5 or maybe \\$6, who knows", None, ""),
    ("thought closed", "<think>\\boxed{4}</think>The result is \\boxed{5}.", "5", "boxed"),
    ("box only in the thought", "<think>\\boxed{4}</think>", "4", "thought"),
    ("thought left open", "<think>\\boxed{4}", "4", "thought"),
    ("invented question", "Answer: \\boxed{5}\n\nQuestion: 3 + 3?\nAnswer: \\boxed{6}", "5", "contract"),
    ("invented problem", "So \\boxed{5}.\n\nProblem: 3 + 3?\n\\boxed{6}", "5", "boxed"),
    ("empty output", "", None, ""),
]

Case = tuple[str, AnswerType, tuple[str, ...], str, str | None, str]

CASES: list[Case] = [
    *((f"number: {reason}", NUMBER, (), *row) for reason, *row in NUMBERS),  # type: ignore[misc]
    *((f"letter: {reason}", LETTER, options, *row) for options, rows in LETTERS_OF for reason, *row in rows),  # type: ignore[misc]
    *((f"latex: {reason}", LATEX, (), *row) for reason, *row in FORMULAS),  # type: ignore[misc]
]


def params(cases: list[Case]) -> list[object]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


def lists_the_boxes_of(answer: str, source: str) -> bool:
    r"""Whether an answer is what the boxes of its source hold, one behind the other: "1, 2" of "1} and \\boxed{2"."""
    at = 0
    for part in answer.split(", "):
        at = source.find(part, at) + len(part)
        if at < len(part):
            return False
    return "\\boxed" in source or "\\fbox" in source


each_case = pytest.mark.parametrize(("kind", "options", "text", "answer", "rule"), params(CASES))
each_answer = pytest.mark.parametrize(
    ("kind", "options", "text", "answer", "rule"), params([case for case in CASES if case[4] is not None])
)
each_explicit = pytest.mark.parametrize(
    ("kind", "options", "text", "answer", "rule"),
    params([case for case in CASES if case[5] in ("contract", "boxed", "hashes", "phrase")]),
)


def test_the_tables_are_tables() -> None:
    reasons = [case[0] for case in CASES]
    for options, _ in LETTERS_OF:
        assert len(set(options)) == len(options)
    numbers_and_formulas = [reason for reason in reasons if not reason.startswith("letter")]
    assert len(set(numbers_and_formulas)) == len(numbers_and_formulas)
    assert len(CASES) >= 150


@each_case
def test_reading(kind: AnswerType, options: tuple[str, ...], text: str, answer: str | None, rule: str) -> None:
    found = extract(text, kind, options)
    assert (found.answer, found.rule) == (answer, rule)


@each_answer
def test_span_holds_the_source(kind: AnswerType, options: tuple[str, ...], text: str, answer: str, rule: str) -> None:
    found = extract(text, kind, options)
    assert found.span is not None
    source = text[slice(*found.span)]
    assert source == source.strip()
    if kind is LATEX:
        assert source == answer or lists_the_boxes_of(answer, source)
    elif kind is NUMBER:
        assert extract(f"Answer: {source}", NUMBER).answer == answer
    elif source.upper() != answer:
        assert extract(f"Answer: {source}", LETTER, options).answer == answer


@each_explicit
def test_explicit_answer_survives_a_cut(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str, rule: str
) -> None:
    found = extract(text + "\n\nAnd to say it in other words, we", kind, options, truncated=True)
    assert (found.answer, found.rule) == (answer, rule)


@each_explicit
def test_explicit_answer_survives_an_invented_question(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str, rule: str
) -> None:
    run_on = "\n\nQuestion: What is next?\nAnswer: \\boxed{31}\nAnswer: 31\nAnswer: (B)\n#### 31"
    found = extract(text + run_on, kind, options)
    assert (found.answer, found.rule) == (answer, rule)


@pytest.mark.parametrize(
    ("kind", "options", "text", "answer", "rule"),
    params([case for case in CASES if "think>" not in case[3] and case[3].strip()]),
)
def test_thought_changes_nothing(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str | None, rule: str
) -> None:
    thought = "<think>Perhaps\nAnswer: \\boxed{31}\nAnswer: (B)\n#### 31\n</think>"
    found, bare = extract(thought + text, kind, options), extract(text, kind, options)
    assert (found.answer, found.rule) == (answer, rule)
    if found.span and bare.span:
        assert found.span == (bare.span[0] + len(thought), bare.span[1] + len(thought))


@each_case
def test_line_ends_change_nothing(
    kind: AnswerType, options: tuple[str, ...], text: str, answer: str | None, rule: str
) -> None:
    found = extract(text.replace("\r\n", "\n").replace("\n", "\r\n"), kind, options)
    assert (found.answer and found.answer.replace("\r", ""), found.rule) == (answer, rule)


# --- cut at the token budget --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        pytest.param(NUMBER, "First she has 16 eggs, and then 3", None, id="a last number is an accident"),
        pytest.param(NUMBER, "She sells 9 of them. So 9 * 2", None, id="half a product"),
        pytest.param(NUMBER, "Answer: 42\nLet me check: 6 *", "42", id="answered before the cut"),
        pytest.param(NUMBER, "Answer: 1", None, id="more digits may have been to come"),
        pytest.param(NUMBER, "Answer: 120\nAnswer: 120\nAnswer: 1", "120", id="a loop: the last whole line"),
        pytest.param(NUMBER, "Answer: 42\n", "42", id="the line was ended"),
        pytest.param(NUMBER, "Answer: \\boxed{42}", "42", id="the box was closed"),
        pytest.param(NUMBER, "Answer: \\boxed{4", None, id="the box was left open"),
        pytest.param(NUMBER, "4", None, id="a digit"),
        pytest.param(LETTER, "So it is (B", None, id="a bracket left open"),
        pytest.param(LETTER, "Trains run.\nIt may be (B)", None, id="marked, vague"),
        pytest.param(LETTER, "Trains run.\n\nTrain", None, id="option text, vague"),
        pytest.param(LETTER, "Answer: B", "B", id="a letter is whole"),
        pytest.param(LETTER, "The answer is B. This is", "B", id="phrase before the cut"),
        pytest.param(LATEX, "Therefore $x = 5$ and then $y", None, id="the last formula is an accident"),
        pytest.param(LATEX, "$x = 5$", None, id="a formula alone"),
        pytest.param(LATEX, "So \\boxed{5} and", "5", id="boxed before the cut"),
        pytest.param(LATEX, "Answer: \\frac{1}{2", None, id="half a fraction"),
        pytest.param(LATEX, "Answer: \\boxed{\\frac{1}{2}", None, id="box left open"),
        pytest.param(LATEX, "\\boxed{1}\n\\boxed{1}\n\\boxed{", "1", id="a loop: the last whole box"),
        pytest.param(LATEX, "", None, id="nothing"),
        pytest.param(NUMBER, "<think>Answer: 5</think>", None, id="cut behind the thought: the answer was to come"),
        pytest.param(NUMBER, "So there are thirty-one", None, id="a last number in words"),
        pytest.param(NUMBER, "Answer: forty", None, id="more words may have been to come"),
    ],
)
def test_truncated(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, kind, TRIP if kind is LETTER else (), truncated=True)
    assert found.answer == answer
    assert found.rule not in VAGUE


# --- what is still read wrongly -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "text", "answer"),
    [
        pytest.param(
            LETTER, "Answer: C\n\nWhat sinks?\nA) Lead\nB) Wood\nAnswer: A", "C", id="run-on without 'Question:'"
        ),
    ],
)
@pytest.mark.xfail(strict=True, reason="known: a rule for it would misread more than it reads")
def test_known_misreadings(kind: AnswerType, text: str, answer: str | None) -> None:
    assert extract(text, kind, TRIP if kind is LETTER else ()).answer == answer


# --- building blocks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("42", "42"),
        (" 42 ", "42"),
        ("042", "42"),
        ("1,000", "1000"),
        ("12 345", "12345"),
        ("-0", "0"),
        ("1/2", "0.5"),
        ("2/3", "2/3"),
        ("-4/6", "-2/3"),
        ("1.50", "1.5"),
        ("$5", "5"),
        ("\u22125", "-5"),
        ("1,00", None),
        ("5 apples", None),
        ("", None),
        ("1/0", None),
        ("x", None),
        ("9" * 257, None),
    ],
)
def test_canonical_number(text: str, canonical: str | None) -> None:
    assert canonical_number(text) == canonical


@settings(deadline=None, database=None)
@given(st.fractions())
def test_shown_numbers_are_exact(value: Fraction) -> None:
    shown = show_number(value)
    assert Fraction(shown) == value
    assert canonical_number(shown) == shown


@pytest.mark.parametrize(
    ("text", "contents"),
    [
        ("", []),
        ("\\boxed{a}\\fbox{b}", ["a", "b"]),
        ("\\boxed{a{b}c}", ["a{b}c"]),
        ("\\boxed{a\\}b}", ["a\\}b"]),
        ("\\boxed{a\\\\}b}", ["a\\\\"]),
        ("\\boxed{a\\boxed{b}}", ["a\\boxed{b}", "b"]),
        ("{\\boxed{a}", ["a"]),
        ("}\\boxed{a}", ["a"]),
        ("\\boxed{a", []),
        ("\\boxed{" + "a" * MAX_ANSWER_CHARS + "}", ["a" * MAX_ANSWER_CHARS]),
        ("\\boxed{" + "a" * (MAX_ANSWER_CHARS + 1) + "}", []),
        ("\\boxed -7.", ["-7."]),
        ("\\boxed x", ["x"]),
        ("\\boxedfoo{a}", []),
    ],
)
def test_boxed_spans(text: str, contents: list[str]) -> None:
    assert [text[start:end] for start, end in boxed_spans(text)] == contents


@pytest.mark.parametrize(
    ("text", "visible", "thought", "unclosed"),
    [
        ("", "", None, False),
        ("plain", "plain", None, False),
        ("5 < 6", "5 < 6", None, False),
        ("a</think>b", "b", "a", False),
        ("<think>a</think>b", "b", "<think>a", False),
        ("a</think>b</think>c", "c", "b", False),
        ("a</think>", "", "a", False),
        ("a<think>b", "a", None, False),
        (" <think>a", " ", "a", True),
        ("a</think> <think>b", " ", "b", True),
        ("a</THINK>b", "b", "a", False),
        ("a</reasoning>b", "b", "a", False),
        ("[THINK]a[/THINK]b", "b", "[THINK]a", False),
        ("◁think▷a◁/think▷b", "b", "◁think▷a", False),
        ("<|channel|>analysis<|message|>a<|channel|>final<|message|>b", "b", "<|channel|>analysis<|message|>a", False),
        ("analysisSo 5.assistantfinal5", "5", "analysisSo 5.", False),
        ("an assistantfinalist", "an assistantfinalist", None, False),
    ],
)
def test_split_reasoning(text: str, visible: str, thought: str | None, unclosed: bool) -> None:
    parts = split_reasoning(text)
    assert text[slice(*parts.visible)] == visible
    assert (parts.thought and text[slice(*parts.thought)]) == thought
    assert parts.unclosed == unclosed


# --- gold-blind, total, linear ------------------------------------------------------------------------------------


def test_extraction_has_no_gold() -> None:
    assert set(inspect.signature(extract).parameters) == {"text", "answer_type", "choices", "truncated"}
    assert not any("gold" in field.name for field in fields(Question))


@pytest.mark.parametrize("options", [TRIP[:1], TRIP[:2], TRIP, TEN], ids=len)
def test_letters_beyond_the_options_are_never_read(options: tuple[str, ...]) -> None:
    allowed = "ABCDEFGHIJ"[: len(options)]
    for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ":
        for form in ("Answer: {}", "({})", "The answer is {}.", "\\boxed{{{}}}", "So **{}**", "{}", "{}) it is"):
            found = extract(form.format(letter), LETTER, options)
            assert found.answer in (letter if letter in allowed else None, None)


@pytest.mark.parametrize("position", range(4))
def test_no_letter_is_easier_to_read_than_another(position: int) -> None:
    letter, option = "ABCD"[position], TRIP[position]
    for form in (
        "Answer: {}",
        "Answer: {} is right",
        "Answer: {} because it is fast",
        "The answer is {}",
        "({}) {option}",
        "{}. {option}",
        "{}\n\nIt is fast.",
        "So option {} is correct.",
        "It is fast.\nHence **{}**",
        "Answer: the {option}",
    ):
        assert extract(form.format(letter, option=option), LETTER, TRIP).answer == letter, form


def check_any(text: str) -> float:
    """What holds for every text; returns the longest CPU time of a reading, so that a busy machine doesn't matter."""
    longest = 0.0
    for kind in AnswerType:
        options = TRIP if kind is LETTER else ()
        for truncated in (False, True):
            start = time.process_time()
            found = extract(text, kind, options, truncated=truncated)
            longest = max(longest, time.process_time() - start)
            assert (found.answer is None) == (found.span is None)
            if found.answer is None or found.span is None:
                assert found.rule in ("", "unclosed_think")
                continue
            assert 0 <= found.span[0] < found.span[1] <= len(text)
            assert not (truncated and found.rule in VAGUE)
            if kind is NUMBER:
                assert show_number(Fraction(found.answer)) == found.answer
            elif kind is LETTER:
                assert found.answer in "ABCD"
            else:
                source = text[slice(*found.span)].translate(PLAIN_SIGNS)
                assert found.answer == source or lists_the_boxes_of(found.answer, source)
                assert 0 < len(found.answer) <= MAX_ANSWER_CHARS
    return longest


FRAGMENTS = [
    *("Answer:", "answer", "The answer is ", "**", "####", "\\boxed{", "\\boxed", "\\frac{1}", "}", "{", "\\(", "\\)"),
    *(
        "\\[",
        "\\]",
        "$",
        "$$",
        "\n",
        "\n\n",
        "\r\n",
        " ",
        "\t",
        "\u00a0",
        "\u200b",
        "\ufeff",
        "<think>",
        "</think>",
        "\\",
    ),
    *(
        "1",
        "23,456",
        "7.",
        "-",
        "\u2212",
        "/",
        "=",
        ":",
        ".",
        ",",
        "(",
        ")",
        "A",
        "B",
        "C)",
        "(D)",
        "A plane",
        "Plane",
        "e5",
    ),
    *(
        "Question:",
        "<|im_end|>",
        "is ",
        "option ",
        "Option C is correct",
        "not ",
        " and ",
        "x^2",
        "I think",
        "\U0001f600",
        "٣",
    ),
]


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(st.sampled_from(FRAGMENTS), st.integers(1, 400)), max_size=30))
def test_any_pile_of_fragments(parts: list[tuple[str, int]]) -> None:
    assert check_any("".join(fragment * times for fragment, times in parts)[:20_000]) < 1


@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=60))
def test_any_mix_of_fragments(parts: list[str]) -> None:
    assert check_any("".join(parts)) < 1


@settings(max_examples=150, deadline=None, database=None)
@given(st.text(max_size=200), st.integers(1, 100))
def test_any_text(text: str, times: int) -> None:
    assert check_any((text * times)[:20_000]) < 1


HUGE = {
    "nested braces": "{" * 10_000 + "5" + "}" * 10_000,
    "nested boxes": "\\boxed{" * 10_000 + "5" + "}" * 10_000,
    "boxes left open": "\\boxed{" * 14_000,
    "boxes left open on answer lines": "Answer: \\boxed{\n" * 6_000,
    "round math left open": "\\(" * 50_000,
    "square math left open": "\\[" * 50_000,
    "dollars": "$" * 100_000,
    "dollars apart": "$ " * 50_000,
    "escaped dollars": "\\$" * 50_000,
    "backslashes": "\\" * 100_000,
    "spaces behind the colon": "Answer:" + " " * 100_000,
    "spaces in the answer": "Answer: x" + " " * 100_000 + "y",
    "spaces behind 'the'": "the" + " " * 100_000 + "answer",
    "spaces behind 'answer'": "answer to" + " " * 100_000 + "is",
    "spaces in a box": "\\boxed" + " " * 100_000 + "{",
    "line ends": "\n" * 100_000,
    "line ends behind the colon": "Answer:" + "\n" * 100_000,
    "stars": "*" * 100_000,
    "stars behind the colon": "Answer:" + "*" * 100_000,
    "hashes": "#" * 100_000,
    "zero-width": "\u200b" * 100_000,
    "zero-width behind the colon": "Answer:" + "\u200b" * 100_000,
    "digits": "1" * 100_000,
    "digits and commas": "1,000" * 20_000,
    "commas and digits": ",000" * 25_000,
    "slashes": "1/" * 50_000,
    "minus signs": "-" * 100_000,
    "equals signs": "= " * 50_000,
    "fractions": "\\frac{1}" * 12_000,
    "letters": "A " * 50_000,
    "marked letters": "(A) " * 25_000,
    "letters and commas": "A, " * 33_000,
    "answer lines": "Answer: 4\n" * 10_000,
    "answers in a line": "Answer: " * 12_000,
    "answer headings": "Answer:\n" * 12_000,
    "phrases": "the answer is " * 7_000,
    "options": "option " * 14_000,
    "options that are right": "option A is correct " * 5_000,
    "thoughts": "<think>" * 14_000,
    "ends of thoughts": "</think>" * 12_000,
    "questions": "Question: 4\nAnswer: 4\n" * 4_500,
    "questions without answers": "Question: \n" * 9_000,
    "brackets": "(" * 100_000,
    "remarks": "Answer: 5" + " (x)" * 25_000,
    "text commands": "\\text{" * 16_000,
    "one sentence": "and so it goes on " * 5_500,
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_texts_are_read_in_no_time(name: str) -> None:
    assert check_any(HUGE[name]) < 1


def test_reading_is_linear() -> None:
    """Four times the text takes about four times as long, not sixteen."""
    short, long = (min(check_any("so 3 * 4 = 12, and the answer is 12\n" * n) for _ in range(3)) for n in (500, 2_000))
    assert long < 10 * short + 0.05


def test_rules_of_the_docstring() -> None:
    """Every rule that a table row names is in the module's table, and the other way round."""
    import cotbench.answers.reading

    table = re.findall(r"^    ([a-z_]+) {2,}(?=\S)", cotbench.answers.reading.__doc__ or "", re.M)
    assert set(table) - {"rule"} == {case[5] for case in CASES} - {"", "unclosed_think"}
    assert set(table) >= VAGUE
