r"""Outputs whose verdict was once wrong, by answer type and kind, with the verdict that a careful reader gives.

A row is (output, gold, verdict), and where they matter the options and the reason why generation ended. "not correct" is any
verdict that doesn't count the answer as right: wrong, unread or declined, but no error.
"""

from __future__ import annotations

from typing import Any

Row = dict[str, Any]


def row(output: str, gold: str, want: str = "correct", **more: Any) -> Row:
    return {"output": output, "gold": gold, "want": want, **more}


VERDICTS: dict[str, dict[str, list[Row]]] = {
    "number": {
        "a heading above a solution": [
            row("Answer: Ann starts with 9 pens and gives away 2.\nSo she has 9 - 2 = 7 pens.\n#### 7", "7"),
            row("Answer:\n\nAnn starts with 9 pens.\n\nTherefore, she ends with 7 pens.\n\n#### 7", "7"),
            row(
                "think\nSo 7 pens are left.\n\n**Final Answer**\n\\boxed{7}\nanswer\nAnswer: Given that Ann has 9 pens, we need to find how many are left.\n\n1. She gives 2 away:\n   9 - 2 = 7\n\nThus, \\(\\boxed{7}\\) pens are left.",
                "7",
            ),
        ],
        "a tag below a heading": [
            row("3 * 9 is 27.\n\nFINAL ANSWER:\n<answer>\n27\n</answer>\n\nI checked it 2 times.", "27"),
        ],
        "what is stated last": [
            row("Answer: 5\n\nWait, that is wrong. The final answer is 6.", "6"),
        ],
        "it can't be determined": [
            row(
                "Without more information it is impossible to determine the age gap between the two people.",
                "2",
                "not correct",
            ),
            row('{"reasoning": "x", "answer": "Cannot be determined from the 4 facts"}', "4", "not correct"),
        ],
        "an open expression": [
            row('{"answer": "160 - r"}', "160", "not correct"),
        ],
        "a condition with a number in it": [
            row("The value of y at x = 4 is 7.", "7"),
        ],
        "a subject that is counted": [
            row("**Answer:** 3 pens cost $4 more than 2 books.", "4"),
        ],
        "two units": [
            row("Thus it takes Ann 227 minutes, or 3 hours and 47 minutes, to do it.", "227"),
            row("The answer is 4 hours and 30 minutes.", "4", "not correct"),
        ],
        "number words": [
            row("The answer is two hundred ninety-six.", "296"),
        ],
        "what each answer is worth": [
            row(
                "Each correct answer is worth 5 points and each incorrect answer is worth -2 points. The score was 20.\n\nTherefore, Bo answered 4 questions correctly.",
                "4",
            ),
        ],
        "an equation below a heading": [
            row("The answer is:\n50 + 30 + 20 = 100\n\n100/4 = 25\n\nAnn saw 25 birds", "25"),
        ],
        "digits behind Chinese, Japanese, Korean and Thai": [
            row("答案是1,234", "1234"),
            row("总共花了1,234元", "1234"),
            row("答案是-5", "-5"),
            row("答案是3/4", "3/4"),
            row("答案是42", "42"),
            row("故答案为42.", "42"),
            row("一共有42个。", "42"),
            row("答えは42です。", "42"),
            row("총합은42입니다", "42"),
            row("答案是12.5", "12.5"),
            row("Answer: 约42", "42"),
        ],
        "signs and amounts in words": [
            row("Answer: negative 5", "-5"),
            row("The answer is negative 5.", "-5"),
            row("The final answer is minus 12.", "-12"),
            row("So she ends with negative 20 points.", "-20"),
            row("Answer: a hundred", "100"),
            row("Answer: a thousand dollars", "1000"),
            row("Answer: a hundred and five", "105"),
            row("Answer: negative 5", "5", "not correct"),
            row("Answer: two and a half", "2", "not correct"),
        ],
        "a part of a number": [
            row("Answer: 10^{3}", "10", "not correct"),
            row("Answer: 10³", "10", "not correct"),
            row("\\boxed{2^{10}}", "2", "not correct"),
            row("Answer: $2k", "2", "not correct"),
            row("Answer: $1.2M", "1.2", "not correct"),
            row("Answer: 7 or 8", "7", "unparsed"),
            row("\\boxed{7 or 8}", "7", "unparsed"),
            row("Answer: 1_000", "1", "not correct"),
        ],
    },
    "letter": {
        "a tag below a heading": [
            row("It is the third.\n\nFINAL ANSWER:\n<answer>\n(C)\n</answer>", "C", choices=4),
        ],
        "marks of thoughts": [
            row("<|channel>thought\nIf so, the answer is A. But no.<channel|>B", "B", choices=4),
            row(
                "<|channel>thought\nIf so, the answer is A. Let me see",
                "A",
                "truncated",
                choices=4,
                finish_reason="length",
            ),
            row(
                "<|begin_of_thought|>\nIt may be A.\n<|end_of_thought|>\n\n<|begin_of_solution|>\nB\n<|end_of_solution|>",
                "B",
                choices=4,
            ),
            row(
                "<|START_THINKING|>Is the answer A? The answer is A? No.<|END_THINKING|><|START_RESPONSE|>B<|END_RESPONSE|>",
                "B",
                choices=4,
            ),
        ],
        "a thought left open": [
            row("<think>3 fits 9.\n\nFinal Answer: The final answer is B.", "B", choices=4, finish_reason="stop"),
        ],
        "an answer as a call": [
            row('Therefore, only choice A holds.\nAction: Answer("A")', "A", choices=4),
        ],
        "a display of one line": [
            row("\\[\n\\text{Answer: A}\n\\]", "A", choices=4),
        ],
        "an option ruled out": [
            row("Weiss is never last, so we rule out option B.", "B", "unparsed", choices=5),
        ],
        "two options": [
            row("So the answer is: A) red and B) blue.", "A", "unparsed", choices=["red", "blue", "green"]),
        ],
        "a letter that is something else": [
            row("The correct option letter is C. In the triangle, angle A would be 25 degrees.", "C", choices=4),
            row("因此角度为52.5°，选项为C。", "C", choices=4),
        ],
        "headings that list options": [
            row(
                "#### (B) first idea\nThis fails.\n\n#### (C) second idea\nThis fails too.\n\nSo (A) fits best.",
                "A",
                choices=4,
            ),
        ],
        "none of the options": [
            row(
                "The answer is (H) if the sign is plus. As it is minus, none of the options is correct.",
                "H",
                "unparsed",
                choices=10,
            ),
        ],
        "a statement left open": [
            row("The correct description is (C).\n\nThe answer is ...", "C", choices=4),
        ],
        "an option in other languages": [
            row("选B", "B", choices=4),
            row("选择B", "B", choices=4),
            row("我选B。", "B", choices=4),
            row("应选B。", "B", choices=4),
            row("答案就是B", "B", choices=4),
            row("因此，选项 B 正确。", "B", choices=4),
            row("只有选项B是对的", "B", choices=4),
            row("B是正确的", "B", choices=4),
            row("正确选项为B", "B", choices=4),
            row("因此，正确的选项是B。", "B", choices=4),
            row("A错误，B正确，C错误，D错误。", "B", choices=4),
            row("Answer: 选B", "B", choices=4),
            row("正解はBです。", "B", choices=4),
            row("الإجابة: B", "B", choices=4),
            row("The answer is not A but B.", "B", choices=4),
        ],
    },
    "latex": {
        "a heading above a solution": [
            row(
                "answer\nAnswer: Ann starts with \\( 9 \\) pens. She gives away 2.\n\n\\[ 9 - 2 = 7 \\]\n\nThus she has \\(\\boxed{7}\\) pens.",
                "7",
            ),
        ],
        "plain equations": [
            row("The perimeter of the square is 4*13 = 52 inches.", "52"),
            row("After 3 miles the milk is:\n2 × (2/3)³ = 2 × (8/27) = 16/27 gallons.", "\\frac{16}{27}"),
        ],
        "closing remarks": [
            row("Therefore, the polygon has 15 sides.\n\nI think that's the answer.", "15"),
        ],
        "Unicode formulas": [
            row("Therefore, the distance is √66.", "\\sqrt{66}"),
            row("Thus the largest area is 200/π square meters.", "\\frac{200}{\\pi}"),
            row("Therefore, the distance is √66.", "66", "not correct"),
        ],
        "answers in words": [
            row("She turns by 90 degrees.\nTherefore, she will be facing **east**.", "\\text{east}"),
            row("She turns by 90 degrees.\nTherefore, she ends up facing east.", "90", "not correct"),
            row("Therefore, $f(g(x))$ is an even function.", "\\text{even}"),
        ],
        "a sentence behind Answer:": [
            row("**Answer:** Pam pays $10 more than Sue.", "10"),
        ],
        "a display of several lines": [
            row("So the value is:\n\\[\n\\frac{1}{3}\n\\]", "\\frac{1}{3}"),
            row("Answer \\[\n9\n\\]", "9"),
        ],
        "what is stated last": [
            row("\\boxed{5}\n\nWait, that is wrong. The answer is 6.", "6"),
        ],
        "a tag behind a heading": [
            row("Half of it.\n\nFinal answer: <answer>\\frac{1}{2}</answer>", "\\frac{1}{2}"),
        ],
        "code before the answer": [
            row(
                "```python\nfinal_answer = max(a)\nfinal_answer\n```\n```output\n28\n```\nSo C is \\(\\boxed{28}\\).",
                "28",
            ),
        ],
        "other languages": [
            row("因此，最终答案是28,800种坐法。", "28800"),
            row("因此，共有**858颗**糖果。", "858"),
            row("Réponse: il reste 220 $ à payer en 12 mois.", "220"),
        ],
        "an ordinal": [
            row("The closest to 135% is the 12th grade.", "12"),
        ],
        "an answer for a part": [
            row("So it sells three.\n\n**Final answer for Part 2:** 3 bushels", "3"),
        ],
        "two boxes": [
            row("\\boxed{(3, 3)} \\text{ for part (a) and } \\boxed{(1, 1)}", "(3,3),(1,1)"),
        ],
        "a side condition": [
            row("\\boxed{\\frac{1}{4-w^2}, \\quad \\text{for } w^2 \\neq 4}", "\\frac{1}{4-w^2}"),
        ],
        "units": [
            row("\\boxed{700°C}", "700"),
        ],
        "a named value": [
            row("\\boxed{a+b+c=2k}", "2k"),
        ],
        "letters beside each other": [
            row("\\boxed{\\frac{1-e^{-st}}{s}}", "\\frac{1}{s}-\\frac{1}{s}e^{-st}"),
            row("\\boxed{an+b}", "b+na"),
        ],
        "an option with its text": [
            row("\\boxed{\\text{(C) Plane}}", "\\text{(C)}"),
        ],
        "towers": [
            row("\\boxed{1^{2^{300000000}}}", "1"),
        ],
        "equations up to a factor": [
            row("\\boxed{\\frac{dy}{dt} = -\\frac{2B}{I} y + \\frac{T}{I}}", "I\\frac{dy}{dt}+2By=T"),
        ],
        "an interval and an inequality": [
            row("\\boxed{(0,1)}", "0<f(x)<1"),
        ],
        "binomials": [
            row("\\boxed{C(7,4) (1/5)^4 (4/5)^3}", "\\frac{448}{15625}"),
        ],
        "words in braces": [
            row("\\boxed{{odd}}", "\\text{odd}"),
        ],
        "a congruence": [
            row("\\boxed{n \\equiv 5 \\pmod{17}}", "5"),
        ],
        "functions that have a value": [
            row("\\boxed{\\gcd(4,6)}", "2"),
            row("\\boxed{17\\bmod 5}", "2"),
            row("\\boxed{\\sum_{k=1}^{3}k}", "6"),
            row("\\boxed{\\begin{aligned}x&=5\\end{aligned}}", "5"),
            row("\\boxed{60 \\frac{\\text{km}}{\\text{h}}}", "60\\text{ km/h}"),
            row("\\boxed{]1,2[}", "(1,2)"),
        ],
    },
}
