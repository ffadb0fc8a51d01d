r"""Letters: a corpus of multiple-choice outputs in the shapes that models write, in tables grouped by their options.

The outputs and questions are ours; a row is (reason, output, what a careful human reads as its answer). None: the output
decides for no option, or for several; reading one all the same would count for or against the model by accident.
"""

from __future__ import annotations

import itertools
import time

import pytest

from cotbench.answers.reading import extract
from cotbench.types import LETTERS, AnswerType

Row = tuple[str, str, str | None]

LETTER = AnswerType.LETTER

# --- which metal melts last: one word each ------------------------------------------------------------------------

METALS: list[Row] = [
    # The letter and little else.
    ("a space before the letter", " C", "C"),
    ("a full stop behind the letter", " D.", "D"),
    ("brackets and a full stop", "(C).", "C"),
    ("bold, with half a bracket", "**C)**", "C"),
    ("bold brackets", "**(C)**", "C"),
    ("italic", "*C*", "C"),
    ("code quotes", "`C`", "C"),
    ("double square brackets", "[[C]]", "C"),
    ("lower case", "b", "B"),
    ("lower case in brackets", "(d)", "D"),
    ("lower case with the option", "b) silver", "B"),
    ("full-width letter", "Ｃ", "C"),
    ("full-width brackets", "（Ｃ）", "C"),
    ("circled letter", "Ⓒ", "C"),
    ("circled lower-case letter behind the word", "Answer: ⓑ", "B"),
    ("full-width colon and letter", "Answer：Ｄ", "D"),
    ("the word option", " Option A", "A"),
    ("half bracket and option", "C) Tungsten", "C"),
    ("brackets and option", "(B) Silver.", "B"),
    ("bold letter and option", " **B. Silver**", "B"),
    ("option in quotes", ' C, "Tungsten."', "C"),
    ("option in brackets", " C (tungsten)", "C"),
    ("most likely", " most likely A, copper.", "A"),
    ("the word option, lower case", "option (d)", "D"),
    ("option alone", "Tungsten", "C"),
    ("option alone, bold, lower case", "**zinc**", "D"),
    ("arrow", "→ C", "C"),
    ("check mark", "✅ **C) Tungsten**", "C"),
    # The letter first, an explanation behind it.
    (
        "bold letter and option, then a rationale as a list",
        " **B. Silver**\n\nRationale:\n\n- **Colour**: it is white.\n\n- **Current**: it carries more than copper",
        "B",
    ),
    (
        "an explanation that is cut",
        " B\n\nExplanation: Silver carries current best, so that the lowest losses are to be",
        "B",
    ),
    ("a sentence on the next line", " A\nThe most common of the four in house wiring is this one, since it bends", "A"),
    (
        "a numbered list that judges each option",
        " A\n1. A: Correct. Copper turns green in the rain.\n2. B: Incorrect. Silver turns black",
        "A",
    ),
    ("the letter again, as the head of its reason", " A\nA: Copper is the one that turns green on roofs", "A"),
    (
        "goes through the options only then",
        " D\nTo answer this, let's go through each metal:\n\nA. This metal is red, which suggests that",
        "D",
    ),
    ("the option on the next line", " D\nZinc\nIt coats the steel of buckets, and it is cheap.", "D"),
    (
        "the answer once more, in a phrase",
        " B\nAnswer: The correct answer is B: Silver.\n\nExplanation: It carries current better than copper does",
        "B",
    ),
    (
        "an explanation that breaks off within 'incorrect'",
        " C\n\nAnswer Explanation:\n\nAnswer C is correct. Lamps once had a thread of it. Answer A is incorr",
        "C",
    ),
    (
        "another letter in the explanation",
        " B\n\nExplanation: The readings come from the higher resistance of wire A compared to that of wire C.",
        "B",
    ),
    ("a fraction in the explanation", "B. Silver\n\nExplanation: It loses 3/64 of the power. Theref", "B"),
    # The line that a prompt asks for.
    ("contract behind a sentence", "Lamps glow white, and only one metal bears that.\nAnswer: C", "C"),
    ("contract twice in other dress", "Final Answer:\n\nAnswer: D", "D"),
    ("contract below its own announcement", "Therefore, the answer is:\n\nAnswer: B", "B"),
    ("contract below 'the closest is'", "None fits well. The closest answer choice would be:\n\nAnswer: A", "A"),
    ("contract with an underscore", "FINAL_ANSWER: B", "B"),
    ("contract with an underscore in bold", "So it is the white one.\n\n**FINAL_ANSWER: D**", "D"),
    ("contract in capitals, lower-case letter", "ANSWER: (b)", "B"),
    ("contract, the correct option", "Correct option: C", "C"),
    ("contract, my choice", "My choice: C", "C"),
    ("contract in HTML", "<b>Answer:</b> C", "C"),
    ("contract with a check mark", "✅ Answer: C", "C"),
    ("contract, letter and option below", "**Closest Option:**\n\nA) Copper\n\n**Answer: A**", "A"),
    ("contract in a table", "| Answer: | C |", "C"),
    ("contract although it says it can't tell", "So we cannot tell from this alone.\n\nAnswer: D", "D"),
    ("contract, reason with another letter", "Answer: B (A is a close second)", "B"),
    ("contract, not another", "Answer: D, not A", "D"),
    ("contract, A with a comma", "Answer: A, since copper is red", "A"),
    # Tags and JSON.
    ("tag named letter", "<letter>B</letter>", "B"),
    ("tag named answer", "<answer>B</answer>", "B"),
    ("tag over lines with the option", "<answer>\n(B) Silver\n</answer>", "B"),
    ("tag with the option only", "<answer>tungsten</answer>", "C"),
    (
        "tag behind its own reasoning",
        "<reasoning>Copper, option A, melts early. So does D.</reasoning>\n<answer>C</answer>",
        "C",
    ),
    ("JSON", '{"reasoning": "Silver carries best, copper (A) comes next.", "answer": "B"}', "B"),
    ("JSON in a code block", '```json\n{\n  "answer": "C",\n  "confidence": 0.8\n}\n```', "C"),
    ("JSON with the option", '{"answer": "Tungsten"}', "C"),
    ("JSON with two letters", '{"answer": "A, C"}', None),
    # Boxes.
    ("boxed", "$\\boxed{C}$", "C"),
    ("boxed text", "\\boxed{\\text{C}}", "C"),
    ("boxed roman letter", "$\\boxed{\\mathrm{D}}$", "D"),
    ("boxed lower case", "$\\boxed{c}$", "C"),
    ("boxed option", "\\boxed{\\text{Tungsten}}", "C"),
    ("boxed letter and option", "$\\boxed{\\text{C. Tungsten}}$", "C"),
    ("boxed bold brackets, option behind", "$\\boxed{\\textbf{(C) }\\text{Tungsten}}$", "C"),
    (
        "the final answer is a box",
        "Let's see.\nA. Copper: no.\nB. Silver: yes.\n\nThe final answer is $\\boxed{B}$.",
        "B",
    ),
    ("several letters in a box", "\\boxed{A; C}", None),
    ("several lower-case letters in a box", "\\boxed{a;c;d}", None),
    ("boxed letter beyond the options", "$\\boxed{E}$", None),
    # Phrases.
    ("phrase, brackets", "It glows and doesn't melt. Therefore, the answer is (C). ", "C"),
    ("phrase, among the letters", "It is the heaviest. \nTherefore, among A through D, the answer is C.", "C"),
    ("phrase, must be, with an exclamation mark", "Spoons are made of it, so the answer must be (B)! ", "B"),
    ("phrase, most likely", "Among A through D, the answer is most likely D, zinc.", "D"),
    ("phrase, letter and option with a colon", "Therefore, the correct answer is C: Tungsten.", "C"),
    ("phrase, letter below its colon", "Given all this, the correct answer is:\nB. Silver", "B"),
    ("phrase, letter two lines below", "So the best answer is:\n\n**D) Zinc**", "D"),
    ("phrase in LaTeX", "The answer is \\( C \\).", "C"),
    ("phrase in capitals and a literal line end", "The answer is B. BECAUSE: Bar B bends.\\nSo, bar A doesn't.", "B"),
    ("phrase in lower case", "the correct answer is b.", "B"),
    (
        "phrase with a lower-case letter in bold",
        "**Therefore, the answer is (c).**  While a is close, it is softer.",
        "C",
    ),
    ("phrase with the option's capital", "Therefore, among A through D, the answer is Silver.", "B"),
    ("phrase, letter, then the same by its name", "The correct answer is C. \nSo the answer is tungsten.", "C"),
    ("two phrases, the second corrects", "The answer is B. Wait, silver is soft. The answer is C.", "C"),
    ("another's opinion, then the own", "My teacher says the answer is B. I don't agree. The answer is C.", "C"),
    ("D, not A", "Both shine. The best answer is D, not A.", "D"),
    ("not A; it is D", "The answer isn't A; the answer is (D).", "D"),
    ("it has to be", "Only one of them glows. It has to be C.", "C"),
    ("the best option among these", "The best option among these is C.", "C"),
    ("closest to", "Therefore, among A through D, the answer is closest to D.", "D"),
    ("(C) is the correct answer", "Therefore, option (C) tungsten is the correct answer.</s>", "C"),
    ("choice in bold LaTeX", "Choice $\\mathbf{D}$ is correct. Choices $A, B$, and $C$ melt later.", "D"),
    (
        "choice first and last",
        "Choice B is correct. Choices $A, C$, and $D$ tell nothing about its colour.\nThe answer is therefore B",
        "B",
    ),
    ("making option D the answer", "It melts in a candle's flame, making option D the most likely answer. ", "D"),
    ("matches option", "So it carries current best, which matches option B.", "B"),
    ("matches option, alone on its line", "It is used in lamps.  \n\nThat matches option C.", "C"),
    ("corresponds to option", "Its symbol is W, which corresponds to option C.", "C"),
    ("supported by", "This is supported by answer choice (B). The others tarnish less, which says little.", "B"),
    ("seems the most plausible", "- **Option D** is soft.\n\nSo **Option A** seems to be the most plausible.", "A"),
    (
        "reasonable to choose",
        "Since none is exact, it seems reasonable to choose option A (copper) as the answer.",
        "A",
    ),
    ("the term is", "The metal whose thread glowed in the first lamps is (C) Tungsten.", "C"),
    ("option C is right in mid-text", "Thus option C is correct:\n\nTungsten melts last.\n\nThe others are soft.", "C"),
    # Answer first, then why the others are wrong.
    (
        "answer first, then the wrong ones as a list",
        "The correct answer is **C. Tungsten**.\n\nHere's why the other options are incorrect:\n\n"
        "* **A. Copper:** It melts in a forge.\n* **B. Silver:** So does it.\n* **D. Zinc:** A torch will do.\n",
        "C",
    ),
    (
        "answer first, the rest in brackets",
        "The correct answer is (B).\n\nThe other choices are incorrect. Option (A) is red. Option (C) is too hard, "
        "and option (D) is brittle.",
        "B",
    ),
    (
        "answer first, a table and a wish behind",
        "The answer is (C), tungsten.\n\nMetal | Use\n---|---|\nCopper | wire\nZinc | buckets\n\nI hope this helps!",
        "C",
    ),
    (
        "answer first, others as bullets, an offer behind",
        "The answer is (A) Copper.\n\n* Silver: too dear.\n* Zinc: too brittle.\n\n"
        "I hope this helps! Let me know if you have any other questions.",
        "A",
    ),
    (
        "answer first and once more at the end",
        "The answer is (A) Copper.\n\n* Zinc turns grey.\n* Silver turns black.\n\nRoofs turn green. So the answer is (A).",
        "A",
    ),
    (
        "answer first, another option's name at the very end",
        "The correct answer is **D. Zinc**.\n\nBuckets are coated with it.\n\n**In summary:** it is cheaper than copper. \n",
        "D",
    ),
    # Elimination.
    (
        "each of the others refused, then what is left",
        "Option A, copper, cannot be it because it is red. \nOption B, silver, also cannot be it because it is dear. \n"
        "Option D, zinc, cannot be it because it is brittle. \n\nThis leaves us with Option C, tungsten. ",
        "C",
    ),
    (
        "the others struck in one go",
        "It is grey, so we can eliminate (A) and (B). (D) melts. This leaves us with (C): tungsten. ",
        "C",
    ),
    ("leaves only", "A and B are soft, C is too heavy. That leaves only D.", "D"),
    ("narrows down", "It has to be white and ductile. This narrows it down to (B) silver. ", "B"),
    (
        "two are left, then one",
        "We can eliminate (B) and (C). This leaves us with (A) copper and (D) zinc, and the answer must be (A) copper. ",
        "A",
    ),
    (
        "two are left, and nothing more",
        "We can eliminate (B) and (C). That leaves us with (A) copper and (D) zinc. ",
        None,
    ),
    (
        "three are left, and the text is cut",
        "We can eliminate (B). This leaves us with choices (A), (C), and (D). \n\nNow",
        None,
    ),
    ("all are struck", "A is incorrect. B is incorrect. C is incorrect. D is incorrect.", None),
    # Each option judged in turn.
    (
        "one judged correct, as sentences",
        "Option A is wrong since it melts. Option B is wrong for its price. Option C is correct. Option D is wrong, it bends.",
        "C",
    ),
    (
        "one judged correct, as a list",
        "A) This metal is incorrect, since it is red.\n\nB) This metal is incorrect, since it tarnishes.\n\n"
        "C) This metal is correct, since lamps need it.\n\nD) This metal is incorrect, since it melts.",
        "C",
    ),
    (
        "judged in turn, then the contract",
        "A) Too red.\nB) Too dear.\nC) Too heavy.\nD) Just right.\n\nBased on this, the correct answer is:\n\n**Answer: D**",
        "D",
    ),
    ("listed only", "A) Copper\nB) Silver\nC) Tungsten\nD) Zinc", None),
    ("listed in one line", "The metals are (A) Copper, (B) Silver, (C) Tungsten and (D) Zinc.", None),
    (
        "listed, then a conclusion",
        "A) Copper (B) Silver (C) Tungsten (D) Zinc\n\nExplanation:\nOnly one glows. Therefore, the correct answer is C) Tungsten.",
        "C",
    ),
    # Several answers, hedges, none.
    ("either A or C", "**Therefore, the correct answer is either A or C.** ", None),
    ("either, with the options in brackets", "The most likely answer is either A (copper) or B (silver).", None),
    ("C or D", "Both are grey. \nTherefore, among A through D, the answer is C or D.", None),
    (
        "a list of letters",
        "It is hard to say. \nTherefore, among A through D, the answer is most likely A, B, or D.",
        None,
    ),
    ("a list in brackets", "Therefore, among A through D, the answer is (B), (C), and (D).", None),
    ("two in brackets", "Therefore, the answer is (A) and (D).", None),
    ("A, C and D", "The correct answers are A, C and D.", None),
    ("letters without a space", "Answer: ACD", None),
    ("all the letters", "It can't be told without its weight.\nAnswer: ABCD", None),
    ("several as a bold list", "The metals that tarnish are:\n\n* **A. Copper**\n* **B. Silver** \n", None),
    ("either, by name", "It turns green or grey. So the answer must be either copper or zinc. ", None),
    ("or, by name", "Therefore, the most likely metal is silver or tungsten. ", None),
    ("the conjunction of two in a sentence", "Both A and C are correct.", None),
    ("can't decide", "I cannot decide between B and C.", None),
    ("none of the range", "The answer is none of A through D.", None),
    ("none of the range, without a phrase", "It can be none of A through D.", None),
    (
        "declines the options",
        "Gold is meant. There might be an error in the question or in the options provided. \n",
        None,
    ),
    ("refuses", "Unfortunately I do not have enough information to name a metal.", None),
    ("refuses, with another's picture", "Sorry, I can't help with pictures yet.", None),
    ("no output", "", None),
    ("line ends only", "\n\n", None),
    ("letter beyond the options", "Answer: E", None),
    ("letter beyond the options, phrase", "The answer is (F).", None),
    ("placeholder kept", "Answer: <letter>", None),
    ("placeholder of all letters", "Answer: [A/B/C/D]", None),
    ("placeholder of all letters, with or", "Answer: (A, B, C, or D)", None),
    ("placeholder and its instruction", "Answer: <one of A, B, C, D>\nAnswer text: <the option, word for word>", None),
    ("letter, then a placeholder", " B\nAnswer text: <the option, word for word>", "B"),
    ("the end of a placeholder", "metal 2>", None),
    ("a question", "Is the answer B?", None),
    ("an option in an earlier sentence of the last line", "Copper is the red one. It is hard to say more.", None),
    ("an option dismissed, and nothing more", "(B) is too soft.", None),
    ("two judged correct", "Option A is correct. Option B is also correct.", None),
    ("what others think", "Many people think the answer is A.", None),
    ("an answer called wrong", "It would be wrong to say the answer is A.", None),
    ("a condition", "If the answer is A, the roof would be red.", None),
    # The article, and capitals that name something else.
    ("article at the start", "A metal with a high melting point is needed.", None),
    ("article in the contract", "Answer: A soft metal bends", None),
    ("article in the phrase", "The answer is a metal that bears heat.", None),
    ("article before the option", "Answer: a tungsten", "C"),
    ("wires A and B", "Wires A and B are joined, and the current in B is halved.", None),
    ("a wire's letter, then an answer", "Wire A is red and wire B is white, so the answer is (D). ", "D"),
    ("a musical key", "It rings in C major.", None),
    ("a formula of a circle", "C = 2 \\pi r and A = \\pi r^2", None),
    ("a comparison of names", "A > B, and B > C.", None),
    ("a current in amperes", "The wire carries 3 A", None),
    ("a charge in coulombs", "The charge on the bar is 5 C.", None),
    # Texts that are cut.
    ("cut in the reasoning", "We know that bar A melts at 1,085 degrees and that bar B", None),
    ("cut behind a heading", "## Step 2: Look at the second group of options\nFor the second group, we need to", None),
    ("cut behind the answer", "Therefore, the answer is D. \n\nIts melting point is the lowest of the fo", "D"),
    ("cut while judging", "It can't be copper, because it is red. It can't be zinc either, because", None),
    # Running on into questions of its own making.
    (
        "an invented question with options",
        " C\n\nQuestion: A plumber joins two pipes. What does he need?\n\nA. Solder\nB. Glue\nC. ",
        "C",
    ),
    (
        "an invented question without a heading, and its answer",
        " D\n\nThe plumber's work is finished by which of the following?\n\nA. Cutting\nB. Bending\nC. Welding\nD. Rinsing\n\nAnswer: B",
        "D",
    ),
    ("an invented question that is cut", " A\n\n\nQuestion: A jeweller melts 40 g of silver in a pan that holds", "A"),
    (
        "an invented case behind an empty line",
        " C\n\nA 30-year-old smith heats the oven to 37.5°C (99.5°F), and the",
        "C",
    ),
    (
        "an invented case with a number",
        " D\n1. A 57-year-old welder comes to the workshop with a bent rod. He says that",
        "D",
    ),
    (
        "an invented system prompt",
        " C. Tungsten\nYou are a patient tutor. You get a task from a pupil. Solve it in steps.",
        "C",
    ),
    ("an invented example in a phrase", "So the answer is B.\n\nQ: Which metal is red?\nA: The answer is A.", "B"),
    ("a turn of the chat", "The answer is (B) Silver.<|im_end|>\n<|im_start|>user\nAnd which is red?\nAnswer: A", "B"),
    # Repetition.
    ("the same line three times", "Therefore, the best answer is: C.\n" * 3, "C"),
    (
        "repeated with and without the option, ending on neither",
        "Therefore, the best answer is: C.\nTherefore, the best answer is: C. tungsten. \n\n"
        "Therefore, the best answer is: C. tungsten. \n\nThe metal is heavy because its atoms are.",
        "C",
    ),
    ("a loop that is cut", "The answer is C. " * 40 + "The answer", "C"),
    ("a loop without an answer", "So the metal glows, and so " * 40, None),
    # Reasoning.
    (
        "the tag's end only, another option in the thought",
        "Option A is red. So the best answer is A. Hmm, no.\n</think>\n\nTherefore, the best answer is: C.",
        "C",
    ),
    (
        "a hint quoted in the thought",
        "A professor thinks the best answer is B. So I need to check. It is soft.\n</think>\n\nTherefore, the best answer is: C. Tungsten.",
        "C",
    ),
    ("a thought with an answer, and a bold letter behind", "<think>\nAnswer: B\n</think>\n\n**C**", "C"),
    ("nothing behind the thought", "<think>\nIt glows. The answer is C.\n</think>\n", "C"),
    ("a thought that is never closed", "<think>\nThe answer is C. Or is it B?", None),
    # Other languages, the options in English.
    ("Italian", "La risposta corretta è C.", "C"),
    ("Portuguese", "Resposta: B", "B"),
    ("Japanese", "タングステンは最も融点が高い。答えはCです。", "C"),
    ("Korean", "정답은 B입니다.", "B"),
    ("Russian", "Правильный ответ: C", "C"),
    ("Urdu, the placeholder kept", " <A، B، C یا D میں سے ایک>", None),
]

# --- the same question in Chinese, Spanish, German and French -------------------------------------------------------

CHINESE: list[Row] = [
    ("the answer is", "钨的熔点最高，所以答案是C。", "C"),
    ("chosen", "它的颜色是白色，所以选B。", "B"),
    ("hence chosen, with a colon", "综合以上分析，故选：D。", "D"),
    ("answer in heavy brackets", "【答案】C", "C"),
    ("answer in heavy brackets with a token behind", "所以熔点最高的是钨。\n<eoe>\n【答案】: C <eoa>", "C"),
    ("answer of full width", "答案：Ｂ", "B"),
    ("correct answer", "所以，正确答案是D。", "D"),
    ("option is right", "所以选项C是正确答案。", "C"),
    (
        "each option judged with its mark",
        "首先，选项A是错误的。铜是红色的。\n选项B是正确的。银最白。\n选项C是错误的。钨太硬。\n选项D也是错误的。 <eoe>\n【答案】 B <eoa>",
        "B",
    ),
    ("letters of quantities before", "电阻R=U/I，其中U是电压，A是面积，B不变。所以选D。", "D"),
    ("points before", "点A,B在直线上，AC⊥BC于C。\n\n所以答案是B", "B"),
    ("the option's text", "答案：钨", "C"),
    ("answer must be, in brackets", "答案应为(B)银。", "B"),
    ("two letters", "【答案】 BC <eoa>", None),
    ("three letters with commas of its own", "综上，正确答案是A、C、D。", None),
    ("none is right", "所以选项A、B、C、D都不正确。 <eoe>\n【答案】无正确答案 <eoa>", None),
    ("reasoning only", "【解析】这是一个关于金属A和金属B的问题，需要比较它们的", None),
]

SPANISH: list[Row] = [
    ("correct answer, option", "El cobre es rojo. La respuesta correcta es la opción C.", "C"),
    ("answer with the option's text", "La respuesta es (B) Plata.", "B"),
    ("contract", "Se funde el último.\nRespuesta: C", "C"),
    ("final contract in bold", "Respuesta final: **D**", "D"),
    ("with the article", "Por lo tanto, la respuesta correcta es la C) Wolframio.", "C"),
    ("the preposition a", "La respuesta a la pregunta es C.", "C"),
    ("correct option", "La opción correcta es la B.", "B"),
    ("option text", "Respuesta: plata", "B"),
    ("and for two", "La respuesta correcta es A y C.", None),
    ("or for two", "La respuesta es B o D.", None),
]

GERMAN: list[Row] = [
    ("correct answer", "Kupfer schmilzt früher. Die richtige Antwort ist C.", "C"),
    ("contract", "Antwort: B", "B"),
    ("reads", "Die Antwort lautet (D) Zink.", "D"),
    ("correct answer in bold with its text", "Die korrekte Antwort ist **C) Wolfram**.", "C"),
    ("solution", "Lösung: A", "A"),
    ("option text", "Antwort: Silber", "B"),
    ("or for two", "Die richtige Antwort ist A oder B.", None),
    ("and for two", "Die richtige Antwort ist B und D.", None),
]

FRENCH: list[Row] = [
    ("good answer", "Le cuivre fond avant. La bonne réponse est C.", "C"),
    ("contract with a space before the colon", "Réponse : B", "B"),
    ("correct answer with the article", "La réponse correcte est la D.", "D"),
    ("answer with its text", "La réponse est (A) Cuivre.", "A"),
    ("option text", "Réponse : tungstène", "C"),
    ("or for two", "La bonne réponse est A ou C.", None),
    ("and for two", "La réponse correcte est B et D.", None),
]

# --- numbers with units, money, temperatures, probabilities, dates --------------------------------------------------

HEIGHTS: list[Row] = [
    ("letter and value", " C. 37.5 m\n\nExplanation: 3/4 of 50 is 37.5. Theref", "C"),
    ("phrase with letter and value", "The answer is D. 50 m.", "D"),
    (
        "closest, letter and value",
        "At noon it is 48.9 m high.\nTherefore, among A through D, the answer is closest to D, 50 m. \n",
        "D",
    ),
    ("value in the last sentence", "sin(30°) = 0.5.\n\nTherefore, the height of the mast is 37.5 m.", "C"),
    ("value with a zero more", "height = 50.0 - 25.0 = 25.0 m\n\nTherefore, the height of the mast is 25.0 m.", "B"),
    ("value and end token", "The height of this mast is 12.5 m.</s>", "A"),
    ("value in LaTeX with its unit", "So the height is \\( 50 \\, \\text{m} \\).", "D"),
    ("value in bold", "So the mast is **25 m** high.", "B"),
    ("value without its unit", "Answer: 25", "B"),
    (
        "value, then the option it matches",
        "So the height is \\( 50 \\, \\text{m} \\), which matches option D.  \n\nFINAL_ANSWER: D",
        "D",
    ),
    (
        "reasonable guess with the value",
        "By the picture, it seems reasonable to choose option A (12.5 m) as the most likely answer.",
        "A",
    ),
    (
        "no option is exact, the closest is",
        "None of them is exactly 24.1 m. However, the closest value to our result is:\n\nB) 25 m\n\nTherefore, the answer is:\n\nAnswer: B",
        "B",
    ),
    ("letter against its own calculation", "So the mast is 23.2 m high.\n\nFinal answer:\n\nAnswer: C", "C"),
    (
        "letter first, another option's value last",
        "The correct answer is (B).\n\nThe rope is longer. Its length is 37.5 m.",
        "B",
    ),
    (
        "letter first, a box with a value of the way there",
        "The answer is (B).\n\nHere's why:\n\n* The rope, mast and shadow make a triangle.\n* Therefore, $r = \\boxed{2\\sqrt{15}}$.",
        "B",
    ),
    (
        "letter and value, chatty end",
        "The correct answer is (C) 37.5 m. Its shadow is 30 m long.\n\nI hope this helps!",
        "C",
    ),
    ("letter N as a unit", "It pulls with 3000 N. The final answer is $\\boxed{A}$.", "A"),
    (
        "variable A with its value",
        "Since $A = 66$ m^2, we have h = 2A / 5.28 = 25 m.\n\nTherefore, the correct answer is (B) 25 m.",
        "B",
    ),
    ("no such option", "Therefore, the answer is 40 m.", None),
    ("no such option, and it says so", "The height is 40 m, which is none of the values given.", None),
    ("two values with or", "The answer is 25 m or 50 m.", None),
    ("between two values", "The height is between 25 m and 50 m.", None),
    ("cut behind a plus", "The first part is 12.5 m, and the whole mast is 25 +", None),
]

MONEY: list[Row] = [
    ("twice, with the price and in brackets", "The answer is A. $18.40. \n\nThe answer is (A).", "A"),
    ("the price alone", "Answer: $31", "C"),
    ("price in the last sentence", "\\[ 11.30 + 11.30 = 22.60 \\]\n\nTogether they cost $22.60.", "B"),
    ("escaped dollar", "The answer is \\$40.20.", "D"),
    ("letter, price in LaTeX", "So the price is $\\$18.40$, which is option A.", "A"),
    ("a price that nobody offers", "The answer is $20.", None),
]

TEMPERATURES: list[Row] = [
    ("degrees in the last sentence", "The mix settles at 61 °C.", "C"),
    ("degrees that aren't the letter", "Answer: 44 °C", "B"),
    ("degrees without a space", "Answer: 18°C", "A"),
    ("degrees in LaTeX, then a letter", "$T = 334 - 273 = 61^\\circ\\text{C}$\n\nThe answer is (C).", "C"),
    ("degrees in LaTeX, no letter", "So $T = 348 - 273 = 75^\\circ\\text{C}$.", "D"),
    ("degrees in the reasoning, another letter", "It begins at 18 °C and is heated. So the answer is D.", "D"),
    ("degrees of no option", "The water reaches 52 °C.", None),
    ("C for Celsius, no option", "The water reaches 52 C", None),
    ("kelvin", "So the water is at 300 K", None),
    ("cut before the unit", "So T = 348 -", None),
]

CHANCES: list[Row] = [
    (
        "conditional probability, then a letter",
        "P(A|B) = P(A and B) / P(B) = 0.1 / 0.25 = 0.4.\n\nThe answer is (C).",
        "C",
    ),
    ("conditional probability and its value", "So P(A|B) = 0.1 / 0.25 = 0.4.", "C"),
    (
        "runs on into P(A AND B)",
        "Therefore, among A through D, the answer is D. \n\nP(A AND B) = P(A) * P(B)\n\nP(A AND B) = 0.",
        "D",
    ),
    (
        "cut, events A and B",
        "Let A be rain and B be wind. We want the probability that A will NOT come and that B",
        None,
    ),
    ("events only", "The events A and B are independent, and so are B and C.", None),
    (
        "Chinese, conditional",
        "所以，P(A|B) = P(B|A)P(A) / P(B)，这个值就是0.25。所以，答案是B。<eoe>\n【答案】: B <eoa>",
        "B",
    ),
]

DATES: list[Row] = [
    (
        "date in the last sentence",
        "Let's think step by step. Today is 03/14/2011. 10 days ago would be 03/04/2011. ",
        "B",
    ),
    ("letter and date", "A year ago is 2010. \n\nTherefore, the answer is (E) 03/14/2010. ", "E"),
    (
        "letter against its own calculation",
        "That is April 3rd, 2012. \n\nTherefore, the answer is D: 04/03/2011. ",
        "D",
    ),
    (
        "date without its zeros, with the letter",
        "4/4/2011 - 1 day = 4/3/2011\n\nTherefore, the answer is (D) 4/3/2011. ",
        "D",
    ),
    ("the last day of a month, then the letter", "The last day of February is the 28th, so the answer is C. ", "C"),
    ("no such date", "The day after is 3/16. \n\nTherefore, the answer is 3/16/2011. ", None),
    ("dates struck, cut", "So it can't be 02/28/2011, since that is gone. It can't be 04/03/2011, because", None),
]

# --- true or false, yes or no --------------------------------------------------------------------------------------

TRUE_FALSE: list[Row] = [
    ("the word", "True", "A"),
    ("the word with a full stop", "False.", "B"),
    ("the word in bold", "**False**", "B"),
    ("contract", "Answer: False", "B"),
    ("phrase", "Both lines rise, so the answer is True.", "A"),
    ("phrase with its letter", "The correct answer is (B) False. There are more hens than cows.", "B"),
    ("sentence", "Hence the statement is false.", "B"),
    ("the word, then a reason", "Answer: True. Let me explain why it isn't false.", "A"),
    (
        "invented questions behind",
        "Both mean a bank of sand, so the answer is True.\nQ: Does the word mean the same twice? True or False?\nA: The answer is False.",
        "A",
    ),
    ("the question echoed", "Is it true or false?", None),
    ("letter for the word", "Each side is longer.\n\nTherefore, the answer is (B).", "B"),
]

YES_NO: list[Row] = [
    ("letter", "(B)", "B"),
    ("letter in a phrase", "The curve bends up.\n\nTherefore, it is convex.\n\nThe answer is A.", "A"),
    ("letter with the word", "The correct answer is **(B) no**.\n\nTherefore, the slice isn't the larger one.", "B"),
    ("contract", "Answer: yes", "A"),
    ("the word with a full stop", "No.", "B"),
    ("boxed", "\\boxed{\\text{Yes}}", "A"),
    ("so the answer is, lower case", "It has rained. So the answer is no.", "B"),
    ("yes and no", "Yes and no.", None),
]

# --- options that hold letters --------------------------------------------------------------------------------------

EQUATIONS: list[Row] = [
    ("letter below the phrase, then the equations", "Combining these, the correct answer is:\n\nA. A = 2, B = 3", "A"),
    (
        "letter below 'option', another one in it",
        "So B = 2.\n\nBased on this, the correct option is:\n\nB. A = 3, B = 2",
        "B",
    ),
    ("letter with a colon, the equations below", "Therefore, the correct answer is B:\n\nA = 3\nB = 2", "B"),
    ("equations behind the phrase, no letter", "The correct answer is: A = 1, B = 6", "D"),
    (
        "equations, then the option's letter",
        "The correct answer is: A = 6, B = 1.\n\nSo, the correct option is C.",
        "C",
    ),
    ("equations alone", "A = 6, B = 1", "C"),
    ("letter with the equations, alone", "C. A = 6, B = 1", "C"),
    ("bold, letter with the equations", "Both fit.\n\n**D. A = 1, B = 6**", "D"),
    (
        "matches option, its text behind",
        "This matches option B:\nB. A = 3, B = 2\n\nTherefore, the correct answer is B.",
        "B",
    ),
    (
        "a closing sentence that names A and B",
        "The answer is:\n\nD. A = 1, B = 6\n\nThis gives both A and B as they are.",
        "D",
    ),
    ("equations of no option", "So A = 5, B = 5.", None),
    ("equations of the way there", "We have A = 2 C and B = 3 C, where C is a", None),
]

VITAMINS: list[Row] = [
    ("the vitamin's letter isn't the option's", "Answer: Vitamin D", "C"),
    ("the vitamin in a phrase", "The answer is vitamin C.", "B"),
    ("the vitamin alone", "Vitamin K", "D"),
    ("letter and vitamin", "B) Vitamin C", "B"),
    ("letter, comma, vitamin", "So the answer is B, vitamin C.", "B"),
    ("vitamin in the last sentence", "Sailors fell ill for want of fruit, and what they lacked was vitamin C.", "B"),
    (
        "vitamins in the reasoning, a letter",
        "Too little vitamin A harms the eyes, too little vitamin D the bones.\n\nAnswer: C",
        "C",
    ),
    ("letter whose vitamin has another", "The answer is (D).", "D"),
    ("a vitamin of no option", "Answer: vitamin B12", None),
    ("a vitamin's letter of no option", "It is vitamin B.", None),
    ("two vitamins", "They lacked vitamin A and vitamin D.", None),
    ("hepatitis", "It goes with hepatitis B", None),
]

PLANS: list[Row] = [  # the second option is called A, the first one B
    ("plan's name against the letter", "Answer: Plan A", "B"),
    ("plan's name in a phrase", "It costs less, so the answer is Plan B.", "A"),
    ("plan's name alone", "Plan A", "B"),
    ("letter", "Answer: A", "A"),
    ("letter and plan", "A) Plan B", "A"),
    ("both plans compared", "Plan A costs more than Plan B.", None),
    ("neither", "The answer is neither.", "C"),
]

BOTH: list[Row] = [
    ("option's text names two letters", "Answer: C) Both A and B", "C"),
    ("option's text alone", "Answer: Both A and B", "C"),
    ("option's text in a phrase", "The answer is both A and B.", "C"),
    ("option's text as the whole output", "Both A and B", "C"),
    ("an option fails for both", "Option D fails because it denies both A and B.\n\nFINAL_ANSWER: C", "C"),
    ("judged, then the letter", "A holds and B holds too. So the answer is (C) Both A and B.", "C"),
    ("none of the above", "None of the above.", "D"),
    ("none of the above in a phrase", "The correct answer is none of the above.", "D"),
    ("garbled, then the letter", "the best statement,,, is that D:none none of the above.\n\nFinal answer: D", "D"),
]

NUMERALS: list[Row] = [
    ("numeral isn't a letter", "Answer: I and II", "C"),
    ("letter and numeral", "The answer is (B) II only.", "B"),
    ("numerals judged, then a letter", "I is true. II is true as well. The answer is (C).", "C"),
    ("numeral alone", "I only", "A"),
    ("neither of the numerals", "The answer is neither I nor II.", "D"),
]

# --- formulas -----------------------------------------------------------------------------------------------------

FORMULAS: list[Row] = [
    ("formula in a phrase", "The answer is $-\\frac{1}{2}$.", "C"),
    ("formula in the contract", "Answer: $\\sqrt{3}$", "D"),
    ("formula without dollars", "Answer: \\frac{\\sqrt{3}}{2}", "B"),
    ("formula boxed", "So we get $\\boxed{\\frac{1}{2}}$.", "A"),
    ("formula in Chinese", "所以答案是 $\\frac{1}{2}$。", "A"),
    ("letter and formula", "The correct answer is (D) $\\sqrt{3}$.", "D"),
    (
        "angle at point C, then a letter",
        "In triangle ABC, the angle at C is right, and AB = 2.\n\nThe answer is (B).",
        "B",
    ),
    (
        "letter first, another option's value derived",
        "The correct answer is (B).\n\nAC is the hypotenuse. Therefore, $\\sin C = \\frac{1}{2}$.",
        "B",
    ),
    ("points only", "Points A and B lie on the circle with the centre C.", None),
    ("formula of no option", "The answer is $\\frac{3}{2}$.", None),
]

# --- longer options -----------------------------------------------------------------------------------------------

RIVER: list[Row] = [
    (
        "the first line is an option, then an explanation",
        "The river never freezes.\n\nExplanation: Warm springs feed it. Thus it stays open.",
        "C",
    ),
    (
        "three denied, the last line is the fourth",
        "The river does not freeze from the bank.\nThe river does not freeze from the middle.\n"
        "The river does not freeze all at once.\nThe river never freezes.",
        "C",
    ),
    (
        "denied, then the contract",
        "The river does not freeze from the bank.\nThe river never freezes.\n\nAnswer: C",
        "C",
    ),
    ("letter and sentence", "(B) The river freezes from the middle.", "B"),
    ("contract with the sentence", "Answer: D) The river freezes all at once", "D"),
    (
        "what matches stands on a line of its own, and a phrase",
        "The option that matches this is:\n\nB. The river freezes from the middle\n\n"
        "Therefore, the correct answer is B. The river freezes from the middle.\n\nNote: Option A is nearly the same, which is likely a slip.",
        "B",
    ),
    (
        "options by numbers, the answer by its letter",
        "1. **The river freezes from the bank**: no, it is warm.\n2. **The river freezes from the middle**: no.\n\n"
        "Final answer: **D) The river freezes all at once.**",
        "D",
    ),
    (
        "bold line, others explained behind",
        "**The Answer**\n\nSo the likeliest is:\n\n**C. The river never freezes.**\n\n* **The bank:** it is warm there.",
        "C",
    ),
    (
        "a list of theories with their letters, cut",
        "Hale's claim (A) is about banks.\n\nBorn's claim (B) is about the middle, which is",
        None,
    ),
    (
        "'the correct conclusion' below",
        "Given the springs, the correct conclusion is:\n\n**Option A: The river freezes from the bank**\n\nThis fits the facts.",
        "A",
    ),
    ("sentence in other words", "It freezes now and then, I suppose.", None),
]

GARDEN: list[Row] = [
    ("option text, answer with an exclamation mark", "They need light and warmth. The answer must be greenhouse!", "C"),
    (
        "the answer is in the",
        "The answer is not in the attic, because it is dark. The answer is not in the drawer, because it is small. "
        "The answer is in the greenhouse, because it is warm there.",
        "C",
    ),
    ("told in the last sentence", "Where do seedlings spend the winter? They are in the greenhouse. ", "C"),
    (
        "last line, capitals and an article",
        "Let's think step by step. The seedlings need warmth, so she carries them to...\n\nThe Tool Shed.",
        "D",
    ),
    ("two places", "The most likely places are the greenhouse or the windowsill. ", None),
    ("either of two places", "So the answer must be either an attic or a tool shed. ", None),
    (
        "letters in a sentence with their options",
        "You can keep seeds in (A) an attic, sow them in (C) a greenhouse, or use (E) a windowsill.",
        None,
    ),
    (
        "a supposed choice, then the phrase",
        "If you choose option (B), you (E) waste a windowsill. \nTherefore, among A through E, the answer is (B).",
        "B",
    ),
    ("a supposed choice only", "If you choose option (B), you waste a windowsill.", None),
    (
        "option in another form behind the letter",
        "Therefore, among A through E, the answer is (C): in greenhouses.",
        "C",
    ),
    ("letter, then sums with names", " E. \n\nSeeds = 60 \nPots = 40", "E"),
    ("neither, then the answer", "Neither (A) nor (D) gets any light. The answer is (E).", "E"),
    ("contract with the option", "They stay warm.\n\nAnswer: (E) windowsill ", "E"),
    ("option text where another one is struck", "It isn't the attic. It is the greenhouse.", "C"),
    (
        "invents its question, then answers it",
        "How can seedlings die? \n\nWhich of these is NOT a place for them?\n\n(A) attic\n(B) drawer\n(C) greenhouse\n\nThe answer is (A) attic. ",
        "A",
    ),
    (
        "each called possible",
        "She might use (A) the attic. Finally, (E) the windowsill is not likely, but it is possible in May. ",
        None,
    ),
]

MUGS: list[Row] = [
    ("option's full stop counts for nothing", "At the end, Ann holds the green mug. ", "B"),
    (
        "swaps, then the phrase",
        "Then Ann has the red mug and Bob the white mug. Therefore, the correct answer is (A). ",
        "A",
    ),
    ("swaps, two named last", "So, at the end, Ann has the red mug and Bob has the white mug.", None),
    ("phrase with the option", "So the answer is white mug.", "C"),
    (
        "swaps step by step, then a game of its own",
        "(0) Ann: red, Bob: white.\n(1) Ann and Bob swap: Ann: white, Bob: red.\nSo the answer is (C).\n\n"
        "Q: Cid and Dan swap hats. Which hat has Dan?\nSo the answer is (A).",
        "C",
    ),
    ("fourth letter of three options", "Answer: D", None),
]

# --- ten options --------------------------------------------------------------------------------------------------

TOOLS: list[Row] = [
    ("ninth letter in a phrase", "The answer is (I).", "I"),
    ("ninth letter in the contract", "Answer: I", "I"),
    ("ninth letter with a half bracket only", "Answer: I)", "I"),
    ("ninth letter and option", "Answer: I) iron", "I"),
    ("ninth letter in LaTeX", "The answer is \\( I \\).\n\nThe answer is I. iron", "I"),
    ("ninth letter boxed", "$\\boxed{I}$", "I"),
    ("ninth letter alone", "I", "I"),
    ("ninth letter in bold", "**I**", "I"),
    ("ninth option chosen by its letter", "Hence it seems reasonable to choose option I (iron).", "I"),
    ("tenth letter", "The smith lifts it. The answer is J. jack", "J"),
    ("tenth letter chosen by the pronoun", "I choose J.", "J"),
    ("pronoun before another letter", "I think the answer is G.", "G"),
    ("pronoun, a letter picked", "I would pick B", "B"),
    ("pronoun says it doesn't know", "I do not know. Perhaps I should guess", None),
    ("pronoun begins a sentence", "I would say the smith needs air.", None),
    ("pronoun in the contract", "Answer: I am stuck here", None),
    ("pronoun's contraction", "I'm afraid I can't tell.", None),
    ("current I", "Let $I$ be the current and $R$ the resistance, so that $U = R I$", None),
    ("current I, then a letter", "$I = U/R$ gives 3 A.\n\nThe answer is (C).", "C"),
    ("article before an option", "Answer: A hammer", "G"),
    ("article before the first option", "Answer: An anvil", "A"),
    ("article before no option", "Answer: A tool with a long handle", None),
    ("eleventh letter", "The data imply a saw.\n\nAnswer: K", None),
    (
        "the list of ten, then a letter",
        "A. anvil\nB. bellows\nC. chisel\nD. drill\nE. file\nF. gimlet\nG. hammer\nH. handsaw\nI. iron\nJ. jack\n\nIt bores. The answer is D.",
        "D",
    ),
    (
        "options called by numbers, the answer by its letter",
        "9. **Iron**: it is for shirts.\n10. **Jack**: it lifts.\n\nFinal answer: **F) gimlet**\n\nAnswer: F",
        "F",
    ),
    (
        "judged, one correct, cut before its end",
        "E) This is incorrect because it cuts nothing.\n\nF) This is correct. It bores small holes.\n\nG) This is incorrect because it strikes.",
        "F",
    ),
    ("the only one is, letter and option below", "Based on this, the only tool that blows is:\n\nB) bellows", "B"),
    ("the best is, letter and option in bold below", "For such a hole, the best answer is:\n\n**F) gimlet**", "F"),
    ("an option and its letter at the end", "It strikes, so it has to be (G) hammer.", "G"),
    (
        "last judged isn't the answer",
        "- Option I: iron\n  - It is for shirts.\n- Option J: jack\n  - It lifts.\n\nFinal Answer:\n\nAnswer: F",
        "F",
    ),
    (
        "matches option, remark in brackets",
        "So it bores, which matches option D. (We can also note that a file doesn't.)\n\nThe answer is (D)",
        "D",
    ),
    (
        "endless list beyond the options",
        "XX) A smith has a hammer.\n\nXY) A smith has an anvil.\n\nXX) A smith has",
        None,
    ),
    ("two of ten", "The answer is F or D.", None),
    ("range of the options", "One of A through J must do, though I can't say which.", None),
]

# --- options that the text alone doesn't show -----------------------------------------------------------------------

PICTURES: list[Row] = [
    ("letter and a text", "D. Knee pads under the trousers", "D"),
    ("letter and a text in brackets", " C (slow cooling)", "C"),
    ("letter and a text with that letter", " A. Vitamin A drops", "A"),
    ("letter and initials", "A) B.F. Hale's method needs no oven, so that the glaze can be made at home.", "A"),
    ("letter and initials, then the contract", "A) B.F. Hale's method needs no oven.\n\nAnswer: A", "A"),
    ("letter and a numbered text", "Therefore, the correct answer is:\nB. 1. lead, 2. zinc, 3. tin", "B"),
    (
        "letter and roman numerals in brackets",
        "Therefore, the correct answer is:\n\n**D. (i) heat (ii) stir, rinse, B = soap**",
        "D",
    ),
    ("letter and a text below a bold colon", "Hence the number of rings in product E is:\n\n**D. 6**", "D"),
    ("letter and a text, bold, behind the word option", "Hence, the number of rings is:\n\n**Option A. 8**", "A"),
    (
        "letters of products, then a letter",
        "**C + soap ---> D:** This is a rinse. D is clear.\n\n**Therefore, the correct answer is (B) 8.** \n",
        "B",
    ),
    ("letter and sequence", "The best answer would be:\n\nA. ATGCCTGAAGGTTCACGATTGAC\n\nThis strand will do.", "A"),
    ("identical options", "The correct answer is C (option D is the same, likely a slip).", "C"),
    ("picture's letter", "C", "C"),
    ("a word that begins with a letter", " Cyclic stress", None),
    ("a word with a letter and a hyphen", "B-lines on the print", None),
    ("a test that begins with a letter", "D-shaped rings", None),
    ("initials", "D.H. Tanner", None),
    ("a programming language", "C++", None),
    ("a time of day", "A.M.", None),
    ("a grade with a sign", "A+ for the effort", None),
]

OPTIONS: dict[str, tuple[tuple[str, ...], list[Row]]] = {
    "metals": (("Copper", "Silver", "Tungsten", "Zinc"), METALS),
    "Chinese": (("铜", "银", "钨", "锌"), CHINESE),
    "Spanish": (("Cobre", "Plata", "Wolframio", "Cinc"), SPANISH),
    "German": (("Kupfer", "Silber", "Wolfram", "Zink"), GERMAN),
    "French": (("Cuivre", "Argent", "Tungstène", "Zinc"), FRENCH),
    "heights": (("12.5 m", "25 m", "37.5 m", "50 m"), HEIGHTS),
    "money": (("$18.40", "$22.60", "$31.00", "$40.20"), MONEY),
    "temperatures": (("18 °C", "44 °C", "61 °C", "75 °C"), TEMPERATURES),
    "chances": (("0.12", "0.25", "0.4", "0.6"), CHANCES),
    "dates": (("03/14/2011", "03/04/2011", "02/28/2011", "04/03/2011", "03/14/2010", "03/15/2011"), DATES),
    "true or false": (("True", "False"), TRUE_FALSE),
    "yes or no": (("Yes", "No"), YES_NO),
    "equations": (("A = 2, B = 3", "A = 3, B = 2", "A = 6, B = 1", "A = 1, B = 6"), EQUATIONS),
    "vitamins": (("Vitamin A", "Vitamin C", "Vitamin D", "Vitamin K"), VITAMINS),
    "plans": (("Plan B", "Plan A", "Neither"), PLANS),
    "both": (("It lowers the water", "It warms the water", "Both A and B", "None of the above"), BOTH),
    "numerals": (("I only", "II only", "I and II", "Neither I nor II"), NUMERALS),
    "formulas": (("$\\frac{1}{2}$", "$\\frac{\\sqrt{3}}{2}$", "$-\\frac{1}{2}$", "$\\sqrt{3}$"), FORMULAS),
    "river": (
        (
            "The river freezes from the bank",
            "The river freezes from the middle",
            "The river never freezes",
            "The river freezes all at once",
        ),
        RIVER,
    ),
    "garden": (("attic", "drawer", "greenhouse", "tool shed", "windowsill"), GARDEN),
    "mugs": (("red mug.", "green mug.", "white mug."), MUGS),
    "tools": (("anvil", "bellows", "chisel", "drill", "file", "gimlet", "hammer", "handsaw", "iron", "jack"), TOOLS),
    "pictures": (("<picture 1>", "<picture 2>", "<picture 3>", "<picture 4>"), PICTURES),
}

Case = tuple[tuple[str, ...], str, str | None]

CASES = {
    f"{name}: {reason}": (options, text, answer)
    for name, (options, rows) in OPTIONS.items()
    for reason, text, answer in rows
}

each_case = pytest.mark.parametrize(("options", "text", "answer"), CASES.values(), ids=CASES)


def test_the_tables_are_tables() -> None:
    rows = [row for _, rows in OPTIONS.values() for row in rows]
    assert len(CASES) == len(rows) >= 170  # no reason names two rows
    assert {len(options) for options, _ in OPTIONS.values()} >= {2, 3, 4, 5, 10}
    assert sum(answer is None for _, _, answer in rows) > len(rows) / 5  # outputs without an answer matter as much
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

# What states option {0}; what names {0} without stating it, or leaves it open.
LANGUAGES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "Chinese": (
        (
            *(
                "选{0}",
                "选择{0}",
                "我选{0}。",
                "应选{0}。",
                "本题选{0}",
                "本题选择{0}选项。",
                "答案就是{0}",
                "Answer: 选{0}",
                "Answer: 选项{0}",
            ),
            *(
                "因此，选项 {0} 正确。",
                "只有选项{0}是对的",
                "综上，{0}项正确",
                "{0}是正确的",
                "正确选项为{0}",
                "因此，正确的选项是{0}。",
            ),
            *(
                "因此，选择{0}项。",
                "故本题答案为{0}。",
                "所以答案应该是{0}。",
                "故选{0}.",
                "综上所述，选项{0}符合题意。",
                "正确答案是（{0}）。",
            ),
            *(
                "因此它的熔点最高，选项为{0}。",
                "[正确答案]{0}",
                "「{0}」",
                "【{0}】",
                "正確答案是{0}",
                "應選{0}",
                "說法錯誤的是{0}",
                "说法错误的是{0}。",
            ),
        ),
        ("不选{0}", "如果选{0}，则不成立。", "选项{0}不正确。", "排除{0}。", "选项{0}错误，因为它太软。"),
    ),
    "Japanese": (
        (
            *(
                "正解は{0}です。",
                "答えは{0}です。",
                "答え：{0}",
                "したがって、正解は{0}である。",
                "よって、{0}が正しい。",
                "選択肢{0}が正解です。",
            ),
            *(
                "{0}を選びます。",
                "正しい選択肢は{0}です。",
                "最も適切なのは{0}です。",
                "{0}が最も適切です。",
                "「{0}」が正解です。",
                "{0}です。",
            ),
        ),
        ("{0}は正しくない。", "{0}が正解ではない。"),
    ),
    "Korean": (
        (
            *(
                "정답은 {0}입니다.",
                "정답: {0}",
                "답은 {0}입니다.",
                "따라서 정답은 ({0})이다.",
                "{0}가 정답입니다.",
                "따라서 {0}가 옳다.",
            ),
            *("선택지 {0}가 맞습니다.", "{0}를 선택합니다.", "{0}번이 정답입니다.", "정답 (Answer): {0}", "{0}입니다."),
        ),
        ("{0}는 옳지 않다.", "{0}가 정답이 아니다."),
    ),
    "Spanish": (
        (
            *(
                "La respuesta correcta es {0}.",
                "La respuesta correcta es la opción {0}.",
                "Respuesta: {0}",
                "La opción correcta es la ({0}).",
            ),
            *(
                "Por lo tanto, la opción {0} es la correcta.",
                "Elijo la opción {0}.",
                "La letra correcta es la {0}.",
                "Por tanto, es la {0}.",
            ),
        ),
        ("La opción {0} no es correcta.", "La respuesta no es {0}."),
    ),
    "French": (
        (
            *(
                "La bonne réponse est {0}.",
                "La réponse correcte est la lettre {0}.",
                "Réponse : {0}",
                "La réponse est donc {0}.",
            ),
            *("L'option {0} est correcte.", "L'option correcte est {0}.", "Je choisis {0}.", "C'est la réponse {0}."),
        ),
        ("L'option {0} n'est pas correcte.", "La réponse n'est pas {0}."),
    ),
    "German": (
        (
            *(
                "Die richtige Antwort ist {0}.",
                "Antwort: {0}",
                "Die Antwort lautet ({0}).",
                "Antwort {0} ist richtig.",
                "Richtig ist {0}.",
            ),
            *("Option {0} ist korrekt.", "Die Lösung ist {0}.", "Ich wähle {0}.", "Die richtige Option ist {0}."),
        ),
        ("Antwort {0} ist nicht richtig.", "Die Antwort ist nicht {0}."),
    ),
    "Portuguese": (
        (
            *(
                "A resposta correta é {0}.",
                "A resposta correta é a letra {0}.",
                "A alternativa correta é a {0}.",
                "Resposta: {0}",
            ),
            *("Gabarito: {0}", "A opção {0} está correta.", "Letra {0}.", "Resposta final: letra {0}"),
        ),
        ("A opção {0} não está correta.", "A resposta não é {0}."),
    ),
    "Italian": (
        (
            "La risposta corretta è {0}.",
            "Risposta: {0}",
            "L'opzione corretta è {0}.",
            "L'opzione {0} è corretta.",
            "Scelgo {0}.",
        ),
        ("L'opzione {0} non è corretta.", "La risposta non è {0}."),
    ),
    "Russian": (
        (
            "Ответ: {0}",
            "Правильный ответ: {0}",
            "Правильный ответ — {0}.",
            "Верный ответ {0}.",
            "Вариант {0} правильный.",
            "Я выбираю {0}.",
        ),
        ("Вариант {0} не правильный.", "Ответ не {0}."),
    ),
    "Arabic": (
        (
            "الإجابة: {0}",
            "الإجابة الصحيحة هي {0}",
            "الجواب: {0}",
            "الإجابة هي ({0}).",
            "الخيار {0} هو الصحيح.",
            "الخيار الصحيح هو {0}.",
        ),
        ("الخيار {0} ليس صحيحا.",),
    ),
    "Hindi": (
        (
            "उत्तर: {0}",
            "सही उत्तर {0} है।",
            "सही उत्तर है: {0}",
            "सही विकल्प {0} है।",
            "विकल्प {0} सही है।",
            "इसलिए, उत्तर ({0}) है।",
        ),
        ("विकल्प {0} गलत है।",),
    ),
    "Vietnamese": (
        (
            "Đáp án: {0}",
            "Đáp án đúng là {0}.",
            "Câu trả lời là {0}.",
            "Chọn {0}.",
            "Phương án {0} đúng.",
            "Vậy đáp án là {0}.",
        ),
        ("Phương án {0} không đúng.",),
    ),
    "Thai": (
        (
            "คำตอบคือ {0}",
            "คำตอบ: {0}",
            "คำตอบที่ถูกต้องคือ{0}",
            "ตอบ {0}",
            "ดังนั้นคำตอบคือข้อ {0}",
            "ข้อ {0} ถูกต้อง",
            "ตัวเลือกที่ถูกต้องคือ {0}",
        ),
        ("ข้อ {0} ไม่ถูกต้อง",),
    ),
    "Turkish": (
        (
            "Cevap: {0}",
            "Doğru cevap {0}.",
            "Doğru cevap {0}'dir.",
            "Doğru yanıt: {0}",
            "Doğru seçenek {0}'dir.",
            "{0} şıkkı doğrudur.",
        ),
        ("{0} şıkkı yanlıştır.",),
    ),
    "Polish": (
        (
            "Odpowiedź: {0}",
            "Prawidłowa odpowiedź to {0}.",
            "Odpowiedź {0} jest poprawna.",
            "Poprawną odpowiedzią jest {0}.",
            "Wybieram {0}.",
        ),
        ("Odpowiedź {0} nie jest poprawna.",),
    ),
    "Dutch": (
        (
            "Antwoord: {0}",
            "Het juiste antwoord is {0}.",
            "Optie {0} is juist.",
            "De juiste optie is {0}.",
            "Ik kies {0}.",
        ),
        ("Optie {0} is niet juist.", "Het antwoord is niet {0}."),
    ),
    "Indonesian": (("Jawaban: {0}", "Jawaban yang benar adalah {0}."), ("Jawaban {0} salah.",)),
    "Swedish": (("Svar: {0}", "Rätt svar är {0}."), ("Svaret är inte {0}.",)),
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_states_options(language: str) -> None:
    states, denies = LANGUAGES[language]
    for form, letter in itertools.product(states, "ABCD"):
        assert extract(form.format(letter), LETTER, OPTIONS["metals"][0]).answer == letter, form
    for form, letter in itertools.product(denies, "ABCD"):
        assert extract(form.format(letter), LETTER, OPTIONS["metals"][0]).answer is None, form


# --- not one but the other, several, none; taken back --------------------------------------------------------------

JUDGED: list[Row] = [
    ("all others struck", "A, B and D can be ruled out. So C.", "C"),
    ("none of the others", "The correct answer is C, as none of the others fits.", "C"),
    ("leaving one", "We can rule out (A), (B), and (D), which leaves (C).", "C"),
    ("a function's letter", "Answer: C(t) = 300t + 4", None),
    ("a letter with another option's name", "所以答案是D（8）。", "D"),
    ("each judged on a line of its own", "A: incorrect\nB: incorrect\nC: correct\nD: incorrect", "C"),
    ("each judged behind a dash", "A) red - wrong\nB) white - correct\nC) grey - wrong", "B"),
    ("another judged behind a statement, in Chinese", "【答案】B【解析】A不对。", "B"),
    ("an option in quotes, in Korean", "답은 'B'입니다", "B"),
    ("discarded", "We can discard option B.", None),
    ("it fails", "So option B fails.", None),
    ("none of the letters is right", "None of A, B, C or D is correct.", None),
    ("one of two is right", "A or B is correct.", None),
    ("two boxes with and", "\\boxed{A} and \\boxed{B}", None),
    ("the same box twice", "\\boxed{B} and \\boxed{B}", "B"),
    ("a first thought", "Initially I thought the answer was A. It's B.", "B"),
    ("no, another", "Answer: A. No, B.", "B"),
    ("bare letters as headings", "#### (B)\nIt fails.\n\n#### (C)\nIt fails too.\n\nSo (A) is the best fit.", "A"),
    ("a pick", "My pick is B.", "B"),
    ("a contraction", "The answer's B", "B"),
    ("an adverb", "It melts first.\nClearly B.", "B"),
    (
        "others' errors behind a statement",
        "Answer: B\n\nSome take silver for red. That is wrong. (A) is right for red.",
        "B",
    ),
    (
        "a noun and a verb behind a statement",
        "Answer: B\n\nA correction of its colour is not needed. I wait for (C).",
        "B",
    ),
    ("not one but the other", "The answer is not A but B.", "B"),
    ("not one, the other", "The answer isn't A, it's B.", "B"),
    ("not one but the other, without a phrase", "It is not A but B.", "B"),
    ("one, not the other", "The answer is B, not A.", "B"),
    ("one rather than the other", "The answer is B rather than A.", "B"),
    ("not one but the other, in Chinese", "答案不是A，而是B。", "B"),
    ("one struck, one chosen, in Chinese", "不选A，选B。", "B"),
    ("three struck, one chosen, in Chinese", "排除A、C、D，选B", "B"),
    ("not one but the other, in Japanese", "答えはAではなくBです。", "B"),
    ("not one but the other, in Korean", "정답은 A가 아니라 B입니다.", "B"),
    ("not one but the other, in Spanish", "La respuesta no es A sino B.", "B"),
    ("not one but the other, in French", "La réponse n'est pas A mais B.", "B"),
    ("not one but the other, in German", "Die Antwort ist nicht A, sondern B.", "B"),
    ("each judged in a row, in Chinese", "A错误，B正确，C错误，D错误。", "B"),
    ("each judged, in Chinese", "A正确。B错误。C错误。D错误。", "A"),
    ("two judged right, in Chinese", "A、B都正确", None),
    ("two, in Chinese", "选A或B", None),
    ("two, in Japanese", "正解はAまたはBです。", None),
    ("two, in Korean", "정답은 A 또는 B입니다.", None),
    ("fits best", "So (A) fits best.", "A"),
    ("fits best, without brackets", "So A fits best.", "A"),
    ("only one holds", "Only choice A holds.", "A"),
    ("only one is possible", "Only A is possible.", "A"),
    ("the closest match, with its text", "Of these, C) Tungsten is the closest match.", "C"),
    ("a description is right", "The correct description is (C).\n\nThe answer is ...", "C"),
    ("the letter of the option", "The correct option letter is C. In the wire, point A would be hot.", "C"),
    ("the only one that isn't", "The only metal of these that is not white is (A).", "A"),
    ("ruled out", "Silver is soft, so we rule out option B.", None),
    ("eliminated", "So we can eliminate B.", None),
    ("excluded", "This excludes option B.", None),
    ("can't be right", "So option B cannot be right.", None),
    ("two options with their text", "So the answer is: A) red and B) blue.", None),
    ("two options with their text in brackets", "Answer: (A) red and (C) grey", None),
    ("three options with their text", "The answer is (A) red, (B) white, or (D) grey.", None),
    ("beyond the options, the second", "The answer is (B, F).", None),
    ("the options repeated", "The right one of these is: A: red; B: white; C: grey; D: blue.", None),
    ("the options repeated, in Chinese", "下列说法正确的是:A:铜是红的;B:银是黑的;C:钨是软的;D:锌是贵的。", None),
    ("an example of the form, in Chinese", "请按格式回答,例如[正确答案]A。", None),
    ("what a hint says", "The hint says the answer is likely A. It melts too early, though.", None),
    ("none is right", "None of the options is correct.", None),
    (
        "none is right, behind one",
        "The answer is (B) if it is pure. As it is not, none of the options is correct.",
        None,
    ),
    ("none is right, behind a contract", "Answer: A\n\nHowever, none of the options is correct.", None),
    ("none of the above where no option says so", "Answer: None of the above", None),
    ("none, in Chinese", "以上选项都不正确。", None),
    ("the right one isn't listed", "The correct answer is not listed.", None),
    ("none is quite right, but one is closest", "None of the options is exactly right, but (C) is the closest.", "C"),
    ("taken back, then a verdict", "Answer: A\nWait, that is wrong. (C) is correct.", "C"),
    ("taken back, then a statement", "Answer: A\n\nWait, that is wrong. The answer is C.", "C"),
    ("corrected", "Answer: A. Correction: C", "C"),
    ("a mistake admitted", "Answer: A\nSorry, I made a mistake. It is C.", "C"),
    ("it should be another", "The answer is A. Actually, that's wrong. It should be C.", "C"),
    ("checked again", "The answer is A. Hmm, let me recheck. So it's (C).", "C"),
    ("taken back for nothing", "The answer is A. Wait, that's not right.", None),
    ("a verdict in passing behind a statement", "Answer: A\n\n(C) is correct for other wires.", "A"),
    ("a likely one behind a statement", "Answer: A\nOption C is the most likely to confuse.", "A"),
    (
        "ideas as headings",
        "#### (B) first idea\nIt fails.\n\n#### (C) second idea\nIt fails too.\n\nSo (A) fits best.",
        "A",
    ),
    ("ideas as headings only", "#### A) red\nNo.\n#### B) white\nNo.", None),
    ("hashes at the end", "It bends.\n#### (B) Silver", "B"),
    ("an option below its announcement", "The metal of the wire is:\n\n**C. Grey**\n\nThis follows from its use.", "C"),
    ("the options below their announcement", "The options are:\n\nA. red\nB. white\nC. grey", None),
    ("a tag below a heading", "It is the third.\n\nFINAL ANSWER:\n<answer>\n(C)\n</answer>", "C"),
    ("a call", 'Therefore, only choice A holds.\nAction: Answer("A")', "A"),
    ("a call in square brackets", "Action 3: Finish[C]", "C"),
    ("a call of a tool", 'submit("C")', "C"),
    ("LaTeX text", "\\[ \\text{Answer: A} \\]", "A"),
    ("LaTeX text on lines of its own", "\\[\n\\text{Answer: A}\n\\]", "A"),
    ("LaTeX text in a box", "\\boxed{\\text{Answer: A}}", "A"),
    ("a field in front of its reasons", '{"answer": "B", "reasoning": "At first the answer is (C)."}', "B"),
    ("a field on a line of its own", '{\n  "answer": "B",\n  "explanation": "The answer is C only if cold."\n}', "B"),
    ("a field behind its reasons", '{"reasoning": "The answer is C? No.", "answer": "B"}', "B"),
    ("a field by another name", '{"selected_option": "B"}', "B"),
    ("a dict", "{'answer': 'B', 'why': 'it is white'}", "B"),
    ("a special token before the letter", "<eoa>C", "C"),
    ("a special token behind the letter", "C<eoa>", "C"),
    (
        "a question of its own making behind a token",
        "[正确答案]C<eoa>\n请你回答：哪种金属最软？\n[正确答案]A<eoa>",
        "C",
    ),
    ("a list in lower case", "a) First it is heated.\n\nb) Then it is drawn.", None),
    ("an option before its letter", "Tungsten (C)\n\nIt melts last.", "C"),
    ("a last line with a label", "It melts last.\n\nHint: C", "C"),
]


@pytest.mark.parametrize(("text", "answer"), [row[1:] for row in JUDGED], ids=[row[0] for row in JUDGED])
def test_what_is_stated_in_the_end(text: str, answer: str | None) -> None:
    assert extract(text, LETTER, OPTIONS["metals"][0]).answer == answer
    assert extract(text, LETTER, OPTIONS["metals"][0], truncated=True).answer in (answer, None)
    assert extract(text.replace("\n", "\r\n"), LETTER, OPTIONS["metals"][0]).answer == answer


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
    found = extract(text, LETTER, OPTIONS["metals"][0])
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

SAID: dict[str, list[tuple[str, str | None]]] = {
    "denied behind the letter": [
        ("正解はBではない。", None),
        ("正解はAではありません。", None),
        ("答えはCじゃない。", None),
        ("正解は(D)ではなかった。", None),
        ("答えはBとは限らない。", None),
        ("정답은 C가 아니다.", None),
        ("정답은 A가 아닙니다.", None),
        ("답은 B는 아니에요.", None),
        ("정답은 D번이 아님.", None),
        ("答案是B是错误的。", None),
        ("答案A不对。", None),
        ("答案选C是不正确的。", None),
        ("选A不对。", None),
        ("Cevap B değil.", None),
        ("उत्तर B नहीं है।", None),
        ("Die Antwort: A ist falsch.", None),
        ("La respuesta: B no es correcta.", None),
        ("La réponse : C n'est pas correcte.", None),
        ("Ответ: B неверный.", None),
        ("Answer A is wrong.", None),
        ("The answer is A is not true.", None),
        ("答えはBです。", "B"),
        ("정답은 C이다.", "C"),
        ("정답은 A가 아니라 D입니다.", "D"),
        ("答えはAではなくCです。", "C"),
        ("答案是B，不是C。", "B"),
        ("不难看出答案是B。", "B"),
        ("不妨选B。", "B"),
        ("Cevap B.", "B"),
        ("Die Antwort ist A, nicht B.", "A"),
        ("La respuesta es B, no es C.", "B"),
    ],
    "another's choice": [
        ("很多人会误选B。", None),
        ("容易误选A。", None),
        ("错选C的人很多。", None),
        ("有人会选B，但这是错的。", None),
        ("不少同学会选D。", None),
        ("考生往往选A。", None),
        ("有人认为答案是C。", None),
        ("不能选B。", None),
        ("不应该选A。", None),
        ("别选D。", None),
        ("Aを選ぶ人が多い。", None),
        ("Bを選びがちだ。", None),
        ("A를 선택하는 학생이 많다.", None),
        ("C를 고르면 안 된다.", None),
        ("Students often answer (D).", None),
        ("Many students would answer A.", None),
        ("Most people choose B.", None),
        ("It would be wrong to answer A.", None),
        ("It is tempting to choose (C).", None),
        ("Don't answer B.", None),
        ("I would not answer A.", None),
        ("You should not choose option D.", None),
        ("很多人会误选B，正确答案是C。", "C"),
        ("Students often answer (D). The answer is C.", "C"),
        ("Answer: C. Some might say the answer is A, but that is wrong.", "C"),
        ("Answer: (B). Others believe the answer is (D).", "B"),
        ("I would answer A.", "A"),
        ("I choose B.", "B"),
        ("所以选B。", "B"),
        ("综上，应选C。", "C"),
        ("Bを選びます。", "B"),
        ("考生应该选择C。", "C"),
        ("We should choose B.", "B"),
        ("Most students choose C, but the answer is B.", "B"),
        ("很多人选A是错误的，应选C", "C"),
    ],
    "supposed": [
        ("若答案是A，则矛盾。", None),
        ("如果正确答案是B，那么铜最硬。", None),
        ("假设答案为C，则不成立。", None),
        ("もし正解がAなら、矛盾する。", None),
        ("答えがBだとすると矛盾する。", None),
        ("만약 정답이 A라면 모순이다.", None),
        ("정답이 C라면 모순이다.", None),
        ("Si la respuesta es A, hay una contradicción.", None),
        ("Si la réponse est B, le fil fond.", None),
        ("Wenn die Antwort A ist, schmilzt er.", None),
        ("Se la risposta è C, il filo fonde.", None),
        ("Если ответ B, то нить плавится.", None),
        ("Nếu đáp án là A thì sai.", None),
        ("The answer is A, unless", None),
        ("Assume that the answer is (C).", None),
        ("如果铜软，那么答案是B。", "B"),
        ("A temperatura se mantém e a resposta é A.", "A"),
        ("Si ottiene quindi la risposta: B", "B"),
    ],
    "a verb behind its label": [
        ("(C) contradicts the passage.", None),
        ("(D) cannot be inferred.", None),
        ("(A) goes against rule 2.", None),
        ("(C) violates rule 1.", None),
        ("C) conflicts with the second rule.", None),
        ("(B) overstates the case.", None),
        ("(A) fails.", None),
        ("(D) doesn't follow.", None),
        ("(B) must be rejected.", None),
        ("C: contradicts the passage.", None),
        ("(B) only restates the premise.", None),
        ("(B) directly contradicts line 3.", None),
        ("**(C)** breaks rule 3.", None),
        ("C) Wrong.", None),
        ("(B) incorrect, it is soft.", None),
        ("(C) Tungsten", "C"),
        ("C. It melts last.", "C"),
        ("(C) is correct.", "C"),
        ("(B) fits best.", "B"),
        ("C) Metals of the lamp", "C"),
    ],
    "two letters": [
        ("Answer: A B", None),
        ("Answer: (A) (C)", None),
        ("Answer: A  B  D", None),
        ("The answer is **A** **B**.", None),
        ("Answer: (B) or maybe (D)", None),
        ("Answer: B, maybe D", None),
        ("The answer is B or possibly C.", None),
        ("Answer: B and also C", None),
        ("答案是B，也可能是C", None),
        ("Die Antwort ist B oder vielleicht C.", None),
        ("Answer: (A)(B)", None),
        ("Answer: A - B", None),
        ("Answer: B (or D)", None),
        ("Answer: B, but possibly D", None),
        ("\\boxed{A\\ B}", None),
        ("\\boxed{A \\text{ or } B}", None),
        ("Answer: B (not D)", "B"),
        ("Answer: A - Because it is red", "A"),
        ("Answer: (A) C", "A"),
        ("Answer: B B", "B"),
        ("Answer: A I am sure of it.", "A"),
        ("Answer: B maybe", "B"),
    ],
    "corrected": [
        ("The answer is C.\n\nActually, it should be D.", "D"),
        ("The answer is C. Actually, the answer should be D.", "D"),
        ("Answer: C\nActually it is D.", "D"),
        ("Answer: C\nNo, I think it's D.", "D"),
        ("Answer: C. On reflection, it must be D.", "D"),
        ("答案是A。不对，应该是B。", "B"),
        ("答案是A。不，应该选B。", "B"),
        ("答えはAです。いや、Bです。", "B"),
        ("정답은 A입니다. 아니, B입니다.", "B"),
        ("La respuesta es A. No, es B.", "B"),
        ("La réponse est A. Non, c'est B.", "B"),
        ("Die Antwort ist A. Nein, es ist B.", "B"),
        ("The answer is C. Actually, copper is red.", "C"),
        ("The answer is C.\n\nIt should be noted that D is soft.", "C"),
    ],
    "judged in a row": [
        ("A) ✗ B) ✗ C) ✓ D) ✗", "C"),
        ("A ❌ B ✅ C ❌ D ❌", "B"),
        ("A错，B错，C对，D错。", "C"),
        ("A错误，B错误，C错误，D正确。", "D"),
        ("A is false, B is false, C is true, D is false.", "C"),
        ("A is wrong, B is right, C is wrong and D is wrong.", "B"),
        ("A: incorrect. B: correct. C: incorrect. D: incorrect.", "B"),
        ("(A) no, (B) no, (C) no, (D) yes", "D"),
        ("A: falsch, B: richtig, C: falsch, D: falsch", "B"),
        ("A：×、B：×、C：正解、D：×", "C"),
        ("B对", "B"),
        ("A is true, B is false, C is true, D is false.", None),
        ("A) ✓ B) ✗ C) ✓ D) ✗", None),
        ("A) ✗ B) ✗ C) ✗ D) ✗", None),
        ("A对，B对，C错，D对。", None),
    ],
    "given by a call or an assignment": [
        ('submit_answer("A")', "A"),
        ("final_answer('C')", "C"),
        ('select_option("D")', "D"),
        ('submit_answer(answer="B")', "B"),
        ("Action: answer[A]", "A"),
        ("Action: finish[B]", "B"),
        ("final_answer = 'C'", "C"),
        ('answer = "D"', "D"),
        ('return "D"', "D"),
        ('def solve():\n    # it melts last\n    return "C"', "C"),
        ('```python\nanswer = "B"\nprint(answer)\n```', "B"),
        ('{"answer": {"letter": "B"}}', "B"),
        ('{"answer": {"option": "C", "text": "Tungsten"}}', "C"),
        ('{"letter": "D"}', "D"),
        ('return "A" if x else "B"', None),
        ("option = 'A'\nanswer = 'C'", "C"),
    ],
    "in a formula": [
        ("\\[ \\text{The answer is } \\mathbf{D} \\]", "D"),
        ("\\[\n\\text{The correct answer is } \\textbf{(B)}\n\\]", "B"),
        ("$$\\text{Answer: } \\mathrm{C}$$", "C"),
        ("\\[\n\\textbf{C}\n\\]", "C"),
        ("$$\\mathbf{B}$$", "B"),
        ("It melts last of all the four.\n\n\\[\n\\text{C}\n\\]", "C"),
        ("\\[ \\mathbf{Answer:} \\; \\text{C} \\]", "C"),
        ("\\[ \\mathrm{Answer} : \\quad \\mathbf{A} \\]", "A"),
    ],
    "what remains": [
        ("So B, C and D are impossible. A remains.", "A"),
        ("So A, B and D are impossible. Only C is left.", "C"),
        ("We rule out A, B and D, so C it is.", "C"),
        ("So B it is.", "B"),
        ("A and B are soft. (D) is the only one left.", "D"),
        ("Not A, not C, not D: B.", "B"),
        ("Not A, not B, so D.", "D"),
        ("Not A, not B.", None),
        ("B or C it is.", None),
        ("Whether A remains is open.", None),
        ("(A) remains the best.", "A"),
        ("(A) remains unclear.", None),
        ("C is left over when the wire burns.", None),
    ],
    "labelled or pointed at": [
        ("Correct option: A. Here point D lies on side BC.", "A"),
        ("**Correct choice:** B. The wire from A to C is hot.", "B"),
        ("Selected option: D. Wire A is longer than wire B.", "D"),
        ("So the angle at B is 40°, which is choice D.", "D"),
        ("The current through A is 2, which means option C.", "C"),
        ("So the true claim is option C.\n\nAnswer:", "C"),
        ("The true statement is C.\n\nThe correct answer is…", "C"),
        ("The false statement is (B).", "B"),
        ("The right order is shown in option C.\n\nAnswer: [your answer]", "C"),
        ("我认为是B。", "B"),
        ("应该是C。", "C"),
        ("我觉得答案应该是D。", "D"),
        ("I'm not sure, but B.", "B"),
        ("I'm not sure but I think B.", "B"),
        ("I don't know, but I guess it's C.", "C"),
        ("I believe it is D.", "D"),
        ("Correct option: A\nCorrect option: B", "B"),
        ("I'm not sure about B.", None),
        ("I'm not sure, but maybe B or C.", None),
        ("I don't know, but not B.", None),
        ("It isn't clear which is option B.", None),
    ],
}


@pytest.mark.parametrize(
    ("text", "answer"),
    [row for rows in SAID.values() for row in rows],
    ids=[f"{kind}: {text[:40]}" for kind, rows in SAID.items() for text, _ in rows],
)
def test_what_is_said_of_an_option(text: str, answer: str | None) -> None:
    assert extract(text, LETTER, OPTIONS["metals"][0]).answer == answer
    assert extract(text, LETTER, [""] * 4).answer == answer
    assert extract(text, LETTER, OPTIONS["metals"][0], truncated=True).answer in (answer, None)


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
    assert extract(stated, LETTER, OPTIONS["metals"][0]).answer == "C"
    assert extract(stated + "\n\nIt melts last of all the", LETTER, OPTIONS["metals"][0]).answer == "C"
    assert extract(stated + "\n\nWait, but maybe the lamp is filled with", LETTER, OPTIONS["metals"][0]).answer is None


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
    extract(text, LETTER, OPTIONS["metals"][0])
    assert time.process_time() - start < 0.5
