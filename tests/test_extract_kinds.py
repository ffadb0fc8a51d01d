r"""Kinds of outputs that were misread once, as tables: (output, what a careful reader reads). None: it gives no answer that can be
read; "declined": it says that there is none.
"""

from __future__ import annotations

import pytest

from cotbench.answers.reading import DECLINED, extract
from cotbench.types import AnswerType

NUMBERS: dict[str, list[tuple[str, str | None]]] = {
    "digits behind Chinese, Japanese, Korean and Thai": [
        ("一共需要3/4小时", "0.75"),
        ("共1,234.50元", "1234.5"),
        ("答案为：-7", "-7"),
        ("所以答案是42元。", "42"),
        ("最终答案：42", "42"),
        ("答え：42", "42"),
        ("答えは-5です", "-5"),
        ("合計は1,234円です。", "1234"),
        ("정답은 42입니다.", "42"),
        ("답은 42", "42"),
        ("답: 42", "42"),
        ("답은 42입니다.\n검산: 6 x 7 = 42", "42"),
        ("총 42개입니다.", "42"),
        ("คำตอบ: 42", "42"),
        ("คำตอบคือ 1,234 บาท", "1234"),
        ("Answer：42", "42"),
        ("答案是 ４２", "42"),
        ("因此她有42个苹果。", "42"),
        ("结果是12.5%", "12.5"),
        ("小明还剩下３个", "3"),
        ("答案是3万", "30000"),
        ("最后剩下5个苹果和3个梨，一共8个。", "8"),
        ("Réponse : 42", "42"),
    ],
    "points for thousands, a comma for decimals": [
        ("La respuesta es 1.234,5", "1234.5"),
        ("Die Antwort ist 3,5.", "3.5"),
        ("Ответ: 42", "42"),
    ],
    "signs and amounts in words": [
        ("Answer: minus three", "-3"),
        ("The answer is negative one hundred.", "-100"),
        ("The temperature is minus 4 degrees.", "-4"),
        ("Answer: about a dozen", "12"),
        ("Answer: one half", "0.5"),
        ("Answer: three quarters", "0.75"),
        ("Answer: two thirds", "2/3"),
        ("Answer: a half", "0.5"),
        ("Answer: twenty-five hundred", "2500"),
        ("Answer: one thousand two hundred and thirty-four", "1234"),
        ("Answer: two dozen", "24"),
        ("Answer: half a million", "500000"),
        ("Answer: three point five", "3.5"),
        ("Answer: one and three quarters", "1.75"),
        ("Answer: nine and a quarter hours", "9.25"),
        ("Answer: zero", "0"),
        ("Answer: a couple of hundred", None),
        ("Answer: minus $5", "-5"),
        ("Answer: -$5", "-5"),
        ("Answer: $-5", "-5"),
        ("Answer: negative $20", "-20"),
        ("So the profit is negative $20.", "-20"),
        ("The result is negative.", None),
        ("Answer: hundreds", None),
        ("He is left with minus 3 marbles", "-3"),
        ("5 minus 3 is 2.", "2"),
        ("Answer: 5 minus 3", None),
    ],
    "a part of a number or expression": [
        ("\\boxed{10^{-2}}", "0.01"),
        ("Answer: 2^5 = 32", "32"),
        ("Answer: 10^6", "1000000"),
        ("Answer: 3 x 10^8", "300000000"),
        ("Answer: 3e8", "300000000"),
        ("Answer: 1.5k", "1500"),
        ("Answer: $3.5bn", "3500000000"),
        ("Answer: £2m", "2000000"),
        ("Answer: €1.2 million", "1200000"),
        ("Answer: 5 choose 2", None),
        ("Answer: C(5,2)", None),
        ("Answer: 7 and 8", None),
        ("Answer: 7–8", None),
        ("Answer: 5 ± 1", None),
        ("Answer: 5 \\pm 1", None),
        ("Answer: 50-60", None),
        ("Answer: ~42", "42"),
        ("Answer: ≈ 42", "42"),
        ("Answer: >5", None),
        ("Answer: less than 5", None),
        ("Answer: at least 5", "5"),
        ("Answer: 1/2 cup", "0.5"),
        ("Answer: 2 1/2", "2.5"),
        ("Answer: 2½", "2.5"),
        ("Answer: 3 3/4 hours", "3.75"),
        ("Answer: 5 feet 6 inches", None),
        ("Answer: 1 hour", "1"),
        ("Answer: 2 hours 15 min", None),
        ("Answer: 2 h 15 min", None),
        ("Answer: 1 year and 3 months", None),
        ("Answer: $3 and 50 cents", "3.5"),
        ("Answer: 3 dollars and 50 cents", "3.5"),
        ("Answer: 2:30", None),
        ("Answer: 2.5 x 10^3", "2500"),
        ("Answer: 5x", None),
        ("Answer: x = 5", "5"),
        ("Answer: x + 5", None),
        ("Answer: 2n+1", None),
        ("Answer: 5√2", None),
        ("Answer: √5", None),
        ("Answer: 3π", None),
        ("Answer: 3\\pi", None),
        ("Answer: $\\sqrt{16}$", None),
        ("Answer: \\frac{22}{7}\\pi", None),
        ("Answer: 42 (forty-two)", "42"),
        ("Answer: forty-two (42)", "42"),
        ("Answer: 100%", "100"),
        ("Answer: 3, 5", None),
        ("Answer: 3, 5 and 7", None),
        ("Answer: 3; 5", None),
        ("Answer: 1,234, 5", None),
        ("Answer: r - 160", None),
        ("Answer: 160 + r", None),
        ("Answer: 160r", None),
        ("Answer: 2(x+3)", None),
        ("Answer: 12/x", None),
        ("Answer: 7 or possibly 8", None),
        ("Answer: 7 apples or 8 apples", None),
        ("The answer is 7 or 8.", None),
        ("The answer could be 7 or 8.", None),
        ("So he has either 7 or 8 coins.", None),
        ("So it is between 7 and 8.", None),
        ("Answer: between $7 and $8", None),
        ("Answer: from 7 to 8", None),
        ("Answer: 60 minutes or 1 hour", "60"),
        ("Answer: 0.5 or 1/2", "0.5"),
        ("Answer: 50% or 0.5", "50"),
        ("Answer: 50% or 1/2", "50"),
        ("Answer: 1_000_000", "1000000"),
        ("Answer: 12_345", "12345"),
        ("Answer: 4 dozen eggs", "48"),
        ("Answer: 5!", None),
        ("Answer: log 5", None),
        ("Answer: sin(30)", None),
        ("Answer: f(3)", None),
        ("Answer: 3 squared", None),
        ("Answer: 10²", "100"),
        ("Answer: 10⁻²", "0.01"),
        ("Answer: 2**10", None),
        ("Answer: 1.2.3", None),
        ("Answer: USD 5", "5"),
        ("Answer: 5 USD", "5"),
        ("Answer: Rs. 500", "500"),
        ("Answer: ₹1,00,000", "100000"),
        ("Answer: 1 000 000", "1000000"),
        ("Answer: 1.000.000", "1000000"),
        ("Answer: 5'000", "5000"),
    ],
    "no answer to give": [
        ("It is impossible to say how many.", "declined"),
        ("We cannot determine the number of the 5 boxes.", "declined"),
        ("Answer: Cannot be determined", "declined"),
        ("Answer: not enough information", "declined"),
        ("Answer: unknown", "declined"),
        ("Answer: N/A", "declined"),
        ("\\boxed{\\text{cannot be determined}}", "declined"),
        ("<answer>Insufficient information about the 3 boxes</answer>", "declined"),
        ("There is not enough information to find the price of 7 pens.", "declined"),
        ("The problem doesn't say how many of the 12 are red, so it can't be solved.", "declined"),
        ("It cannot be determined from the 4 facts, but if each has 2, the answer is 8.", "8"),
        ("I can't be sure, but the answer is 8.", "8"),
    ],
    "headings above a solution": [
        ("Answer: Tom buys 3 books.\nEach costs $4, so 3 * 4 = 12.\nTherefore he pays $12.", "12"),
        ("Answer: First, 3 + 4 = 7.\n\nThen 7 * 2 = 14.", "14"),
        ("Answer:\n3 + 4 = 7\n7 * 2 = 14", "14"),
        ("Answer: 14\n\n3 + 4 = 7\n7 * 2 = 14", "14"),
        ("Answer: 14 pens\nExplanation: 3 + 4 = 7, so 7 * 2 = 14.", "14"),
        ("Answer: She has 14 pens.\nExplanation: 3 + 4 = 7", "14"),
        ("**Answer**\n\nLet x be the number. x + 3 = 10, x = 7.\n\nSo the number is 7.", "7"),
    ],
    "what is stated last, and what is taken back": [
        ("\\boxed{5}\n\nWait, that is wrong. It should be 6.", "6"),
        ("Answer: 5\nActually, I made a mistake. 2 + 4 = 6, so she has 6.", "6"),
        ("#### 5\n\nCorrection: #### 6", "6"),
        ("The answer is 5. No wait, that's incorrect: the answer is 6.", "6"),
        ("First I thought the answer is 5. The answer is 6.", "6"),
        ("Answer: 5\n\n(The answer is not 6.)", "5"),
        ("The answer is not 5 but 6.", "6"),
        ("The answer isn't 5. It's 6.", "6"),
        ("<answer>5</answer>\n<answer>6</answer>", "6"),
    ],
    "fields, calls and labels": [
        ('{"answer": 5, "reasoning": "3 + 2 = 5, then the answer is 4 + 1"}', "5"),
        ('{"answer": "5", "confidence": 90}', "5"),
        ('{"final_answer": 5.0}', "5"),
        ("{'answer': '5'}", "5"),
        ('```json\n{"answer": 5}\n```', "5"),
        ("Final answer: `5`", "5"),
        ('Answer: "5"', "5"),
        ("answer = 5", "5"),
        ("Answer(5)", "5"),
        ("Finish[5]", "5"),
        ("Action: Finish[5]", "5"),
        ("The answer is: **5**", "5"),
        ("**Final Answer:** $5$ apples", "5"),
        ("ANSWER: 5", "5"),
        ("Ans. 5", "5"),
        ("A: 5", "5"),
        ("Result: 5", "5"),
        ("Therefore: 5", "5"),
        ("=> 5", "5"),
        ("5", "5"),
        ("5.", "5"),
        ("$5", "5"),
        ("It's 5", "5"),
    ],
    "which number of a sentence": [
        ("**Answer:** 3 pens weigh 12 grams more than 2 books.", "12"),
        ("Answer: 5 boxes contain 60 eggs.", "60"),
        ("Answer: 4 workers need 6 days.", "6"),
        ("Answer: 12 apples are left.", "12"),
        ("Answer: 3 pens are needed.", "3"),
        ("Answer: The 3 pens cost $12.", "12"),
        ("Answer: After 5 days he has 35 cards.", "35"),
        ("Answer: He has 35 cards after 5 days.", "35"),
        ("Answer: 35 cards after 5 days", "35"),
        ("The 4th child gets 12.", "12"),
        ("She is the 4th.", "4"),
        ("The answer is the 12th.", "12"),
        ("When x = 4, y is 7.", "7"),
        ("For n = 3 the sum equals 12.", "12"),
        ("With r = 2, the area is 12.", "12"),
        ("If x = 4 then y = 7.", "7"),
        ("Each right answer is worth 5 points, so he got 20 right.", "20"),
        ("Every correct answer earns 3 points. He has 7 correct answers.", "7"),
    ],
}

FORMULAS: dict[str, list[tuple[str, str | None]]] = {
    "plain equations and Unicode formulas": [
        ("The area of the circle is 3.14 * 4 = 12.56 cm².", "12.56"),
        ("So x = 3/4.", "3/4"),
        ("Thus the sum is 5 + 7 = 12.", "12"),
        ("The slope is -2/3.", "-2/3"),
        ("Therefore the probability equals 1/6.", "1/6"),
        ("Hence the side is 2√3.", "2√3"),
        ("The length is √(16+9) = √25 = 5.", "5"),
        ("The volume is 36π cubic inches.", "36π"),
        ("It is x² + 2x + 1.", "x² + 2x + 1"),
        ("So the polynomial is x^2 - 4.", "x^2 - 4"),
        ("The interval is (2, 5].", "(2, 5]"),
        ("So x ≥ 3.", "x ≥ 3"),
        ("The answer is 2^10.", "2^10"),
        ("The final answer is 1/2.", "1/2"),
        ("The point is (3, -2).", "(3, -2)"),
        ("So the vertices are (0,0), (1,2) and (3,4).", "(0,0), (1,2) and (3,4)"),
    ],
    "answers in words": [
        ("Therefore, he walks north.", None),
        ("Therefore, he is facing **north**.", "north"),
        ("So the function is **odd**.", "odd"),
        ("Thus $g$ is an odd function.", "odd"),
        ("Hence the triangle $ABC$ is isosceles.", "isosceles"),
        ("So the series is convergent.", None),
    ],
    "sentences behind Answer:": [
        ("**Answer:** Tom has $5 less than Ann.", "5"),
        ("Answer: The train travels 60 miles.", "60"),
        ("Answer: the sum is $\\frac{3}{4}$", "\\frac{3}{4}"),
        ("Answer: x = 5", "x = 5"),
        ("Answer: 12 square feet", "12 square feet"),
        ("Answer: 3:45 PM", "3:45 PM"),
        ("Answer: Tuesday", "Tuesday"),
        ("Answer: \\text{Tuesday}", "\\text{Tuesday}"),
    ],
    "displays": [
        ("So we get\n\\[\nx = \\frac{1}{2}\n\\]", "x = \\frac{1}{2}"),
        ("The result is\n$$\n\\frac{7}{8}\n$$\nThis completes the proof.", "\\frac{7}{8}"),
        ("Final answer:\n\\[ 12 \\]", "12"),
        ("Answer\n\\[\n9\n\\]", "9"),
        ("The value is \\[ 7 \\].", "7"),
        ("The answer is:\n\n$$x=4$$", "x=4"),
    ],
    "other languages": [
        ("因此答案是 $\\frac{1}{2}$。", "\\frac{1}{2}"),
        ("所以，最大值为 12。", "12"),
        ("因此x=5。", "5"),
        ("答案：3/4", "3/4"),
        ("所以共有 28,800 种方法。", "28,800"),
        ("よって、答えは 15 です。", "15"),
        ("따라서 답은 15이다.", "15"),
        ("Por lo tanto, la respuesta es 15.", "15"),
        ("Donc, il reste 15 euros.", "15"),
        ("Ответ: $x=3$", "x=3"),
        ("故选 $\\boxed{7}$", "7"),
    ],
    "what is stated last, and what is taken back": [
        ("\\boxed{3}\n\nHmm, that is not right. It is 4.", "4"),
        ("\\boxed{3} is wrong. The answer is \\boxed{4}.", "4"),
        ("The answer is $3$. Wait, I made a mistake: the answer is $4$.", "4"),
    ],
    "closing remarks": [
        ("The team scores 15 points.\n\nLet me know if you have questions!", "15"),
        ("Therefore, $x = 5$.\n\nThat is the answer.", "x = 5"),
        ("So $n = 7$.\n\nI hope this helps!", "n = 7"),
    ],
    "several boxes": [
        ("$\\boxed{2}$ and $\\boxed{3}$", "2, 3"),
        ("\\boxed{2}, \\boxed{3}", "2, 3"),
        ("\\boxed{x=2} or \\boxed{x=3}", "x=2, x=3"),
        ("\\boxed{2} \\text{ or } \\boxed{3}", "2, 3"),
        ("For (a), \\boxed{2}; for (b), \\boxed{3}.", "3"),
    ],
    "tags and parts": [
        ("<answer>\\frac{1}{2}</answer>", "\\frac{1}{2}"),
        ("Final Answer: <answer>$x+1$</answer>", "x+1"),
        ("The answer is <answer>7</answer>.", "7"),
        ("**Final answer for part (a):** 7", "7"),
        ("Final answer to the question: 7", "7"),
        ("Answer for Part 1: \\frac{1}{2}", "\\frac{1}{2}"),
    ],
    "no answer to give": [
        ("We can't determine the value of x.", "declined"),
        ("Answer: cannot be determined", "declined"),
    ],
    "ordinals, intentions and code": [
        ("She came 3rd of 45.", None),
        ("The answer is the 5th month.", "5"),
        ("So we need to find $x + y$.", None),
        ("Now we can compute $\\binom{5}{2}$.", None),
        ("```python\nprint(28)\n```\n\n```output\n28\n```\nThe answer is \\boxed{28}.", "28"),
        ("```output\n28\n```", "28"),
    ],
}


CASES = [
    pytest.param(answer_type, text, answer, id=f"{kind} {place}")
    for answer_type, kinds in ((AnswerType.NUMBER, NUMBERS), (AnswerType.LATEX, FORMULAS))
    for kind, rows in kinds.items()
    for place, (text, answer) in enumerate(rows)
]


@pytest.mark.parametrize(("answer_type", "text", "answer"), CASES)
def test_reading(answer_type: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, answer_type)
    assert (DECLINED if found.rule == DECLINED else found.answer) == answer, found


@pytest.mark.parametrize(("answer_type", "text", "answer"), CASES)
def test_a_thought_before_it_changes_nothing(answer_type: AnswerType, text: str, answer: str | None) -> None:
    found = extract(f"<think>\nThe answer may be 99.\n</think>\n\n{text}", answer_type)
    assert (DECLINED if found.rule == DECLINED else found.answer) == answer, found


# --- marks of thoughts --------------------------------------------------------------------------------------------

MARKS = {
    "tags": ("<think>", "</think>"),
    "other tags": ("<thinking>", "</thinking>"),
    "a vendor's tags": ("<seed:think>", "</seed:think>"),
    "reasoning tags": ("<reasoning>", "</reasoning>"),
    "capitals in brackets": ("[THINK]", "[/THINK]"),
    "diamonds": ("◁think▷", "◁/think▷"),
    "begin and end": ("<|begin_of_thought|>", "<|end_of_thought|>\n\n<|begin_of_solution|>\n"),
    "a channel": ("<|channel>thought\n", "<channel|>"),
    "harmony": ("<|channel|>analysis<|message|>", "<|end|><|start|>assistant<|channel|>final<|message|>"),
    "START and END": ("<|START_THINKING|>", "<|END_THINKING|><|START_RESPONSE|>"),
    "inner": ("<|inner_prefix|>", "<|inner_suffix|>"),
    "unused tokens": ("<unused94>thought\n", "<unused95>"),
    "turns": ("<|im_start|>think\n", "<|im_start|>answer\n"),
    "turns without their marks": ("think\n", "\nanswer\n"),
    "an environment": ("\\begin{think}", "\\end{think}"),
    "tags with spaces": ("< think >", "</ think >"),
    "analysis, then a final part": ("<analysis>", "</analysis>\n<final>"),
    "a token and its like with a slash": ("<|thinking|>", "<|/thinking|>"),
    "a short token and its like with a slash": ("<|think|>", "<|/think|>"),
    "a token that starts and one that ends": ("<|thought_start|>", "<|thought_end|>"),
    "tokens that start and end, first": ("<|start_thinking|>", "<|end_thinking|>"),
    "a token that ends": ("<|thinking|>", "<|end_thinking|>"),
    "a token with a name in front": ("<|assistant_thought|>", "<|/assistant_thought|>"),
}
CLOSERS = ("", "<|end_of_solution|>", "<|END_RESPONSE|>", "<|return|>", "<|im_end|>")
FAMILIES = pytest.mark.parametrize(("opens", "closes"), MARKS.values(), ids=MARKS)


@FAMILIES
@pytest.mark.parametrize("behind", CLOSERS)
def test_a_thought_is_not_searched(opens: str, closes: str, behind: str) -> None:
    text = f"{opens}If so, the answer is 5. But no.{closes}Answer: 6{behind}"
    assert extract(text, AnswerType.NUMBER).answer == "6"
    assert extract(text.replace("5", "A").replace("6", "B"), AnswerType.LETTER, ["x"] * 4).answer == "B"


@FAMILIES
def test_an_answer_alone_behind_a_thought(opens: str, closes: str) -> None:
    assert extract(f"{opens}Is it A? The answer is A? No.{closes}B", AnswerType.LETTER, ["x"] * 4).answer == "B"
    assert extract(f"{opens}Is it 5?{closes}6", AnswerType.NUMBER).answer == "6"


@FAMILIES
def test_a_thought_that_is_all_there_is(opens: str, closes: str) -> None:
    text = f"{opens}3 + 3 makes 6.\n\nFinal Answer: The final answer is 6."
    found = extract(text, AnswerType.NUMBER)
    assert (found.answer, found.rule) == ("6", "thought")
    assert extract(text, AnswerType.NUMBER, truncated=True).answer is None
    assert extract(f"{opens}If so, it is 6. Let me see", AnswerType.NUMBER).rule == "unclosed_think"
