r"""Numbers and formulas: a corpus of outputs in the shapes that models write, in tables grouped by what is special there.

The outputs are ours: whole answers to questions that nobody asked, with the markup, the slips and the misleading numbers
of real ones. A row is (reason, output, what a careful human reads as its answer). None: the output gives no answer, or
none that is a number; reading one all the same would count for or against the model by accident.
"""

from __future__ import annotations

import pytest

from cotbench.answers.reading import VAGUE, extract
from cotbench.types import AnswerType

Row = tuple[str, str, str | None]

NUMBER, LATEX = AnswerType.NUMBER, AnswerType.LATEX
EXPLICIT = ("contract", "boxed", "hashes", "phrase")

# --- numbers ------------------------------------------------------------------------------------------------------

CONTRACTS: list[Row] = [
    # A worked solution and the line that the prompt asks for.
    (
        "numbered steps, then the line",
        """1. The ferry carries 48 cars per trip.
2. It makes 5 trips a day: 48 * 5 = 240.
3. Two trips were cancelled: 240 - 96 = 144.

Answer: 144""",
        "144",
    ),
    (
        "bold line behind bold steps",
        """**Step 1:** The hall has 14 rows of 9 seats, so **126** seats.
**Step 2:** 17 seats are broken, so **109** are left.

**Answer: 109**""",
        "109",
    ),
    (
        "a box in the line",
        r"""The gardener plants $7 \cdot 8 = 56$ bulbs and 4 of them rot.

Answer: $\boxed{52}$""",
        "52",
    ),
    (
        "a sentence in the line, a number behind the answer",
        """Price with the voucher: $45 - $12 = $33

Answer: Nadia pays $33 for 3 tickets.""",
        "33",
    ),
    (
        "a sentence in the line, a number in front of the answer",
        """Growth per week is 4 cm, and 6 weeks pass.

Answer: After 6 weeks the vine measures 39 cm.""",
        "39",
    ),
    (
        "a sentence with thousands in the line",
        """Monthly rent = 3 flats x $1,150 = $3,450

Answer: The landlord takes in $3,450 in 1 month.""",
        "3450",
    ),
    (
        "a decimal at the end of the sentence in the line",
        """1. Total = 3 + 8 + 9 + 6 = 26
2. Mean = 26 / 4 = 6.5

Answer: The mean number of goals is 6.5.""",
        "6.5",
    ),
    (
        "a heading, and an equation below",
        """Cost of paint: 4 tins x $9 = $36
Cost of brushes: 2 x $7 = $14

Answer:
Total cost = $36 + $14 = $50""",
        "50",
    ),
    (
        "a heading, and a sentence below",
        """3x + 9 = 66
3x = 57
x = 19

Answer:

Omar is 19 years old.""",
        "19",
    ),
    (
        "a heading, and a sentence with a sum below",
        """Stamps bought = 30
Stamps used = 11

Answer:

Lena has 30 - 11 + 4 = 23 stamps left.""",
        "23",
    ),
    (
        "a heading, and a sentence whose last number counts months below",
        """Instalment = 720 / 6 = $120

Answer:

Ravi pays $120 each month for 6 months.""",
        "120",
    ),
    (
        "final answer in a heading of its own",
        """### Step 3: Add up
18 + 24 = 42

### Final Answer
**42 litres**""",
        "42",
    ),
    (
        "numbered heading of the final answer",
        r"""**4. Subtract**
\( 96 - 39 = 57 \)

**5. Final Answer:** 57 pages""",
        "57",
    ),
    (
        "check mark before the line",
        """Left: 12 + 30 = 42. Right: 42. ✅

✅ **Answer: 30**""",
        "30",
    ),
    (
        "arrow before the value",
        """We have 5 crates of 16 and one of 9.
**Answer** → 5 * 16 + 9 = 89""",
        "89",
    ),
    (
        "the line between rules",
        """So 13 lamps are on.

---

**Answer:** 13

---""",
        "13",
    ),
    ("cents and a full stop", "Two scarves at $28.50 each cost 2 * 28.50.\n\nAnswer: 57.00.", "57"),
    ("cents kept, dollars in front", "So the change is $50.00 - $36.75.\nAnswer: $13.25", "13.25"),
    ("dollars", "6 rides cost 6 x $3.\nAnswer: $18", "18"),
    ("dollars in words", "6 rides cost 6 x $3.\nAnswer: 18 dollars", "18"),
    ("escaped dollars", "Three jars at \\$12 each.\nAnswer: \\$36", "36"),
    ("escaped dollars in math and bold", "Three jars at \\$12 each.\n**Answer:** $\\$36$", "36"),
    ("dollars on both sides", "Answer: $36$ dollars", "36"),
    ("currency's name in front", "Answer: USD 1,250", "1250"),
    ("rupees", "Each share is worth Rs. 450.\nAnswer: Rs. 450", "450"),
    ("pounds with pence", "Answer: £7.05", "7.05"),
    ("space as thousands separator", "The tank holds 9 500 litres in all.\n\nAnswer: 9 500", "9500"),
    ("comma as thousands separator", "25 shelves of 40 books.\nAnswer: 1,000", "1000"),
    ("comma as thousands separator, unit and full stop", "Answer: 12,400 steps.", "12400"),
    ("commas twice", "Answer: 3,070,000 views", "3070000"),
    ("commas as in India", "Answer: 12,34,567", "1234567"),
    ("apostrophe as thousands separator", "Answer: 2'750 francs", "2750"),
    ("LaTeX comma", "\\[ 60{,}000 - 8{,}000 = 52{,}000 \\]\nAnswer: $52{,}000$", "52000"),
    ("percent", "30 of 75 pupils walk: 30 / 75 = 0.4\nAnswer: 40%", "40"),
    ("escaped percent in math", "Answer: $12.5\\%$", "12.5"),
    ("percent, or a fraction", "One tray in four is empty.\nAnswer: 25%, or 1/4", "25"),
    ("percent, then the fraction in brackets", "Answer: 25% (1/4)", "25"),
    ("fraction", "3 of the 8 slices are left.\nAnswer: 3/8", "0.375"),
    ("fraction with spaces", "Answer: 1 / 3", "1/3"),
    ("fraction of a unit", "Answer: 5/8 of a mile", "0.625"),
    ("LaTeX fraction", "So the share is $\\frac{14}{35} = \\frac{2}{5}$.\nAnswer: $\\dfrac{2}{5}$", "0.4"),
    ("mixed number", "Answer: 3 1/2 hours", "3.5"),
    ("mixed LaTeX number", "Answer: $3\\frac{1}{2}$", "3.5"),
    ("mixed number with a sign of its own", "Answer: 2½ cups", "2.5"),
    ("negative temperature", "It falls from 4 by 11 degrees: 4 - 11 = -7.\nAnswer: -7°C", "-7"),
    ("negative with a true minus", "Answer: −14", "-14"),
    ("negative dollars", "They lose $40 in all.\nAnswer: -$40", "-40"),
    ("scientific notation", "Answer: 3 × 10^4 bacteria", "30000"),
    ("millions in words", "Answer: 2.4 million people", "2400000"),
    ("a letter and the value", "Let n be the number of coins.\nAnswer: n = 17", "17"),
    ("approximately", "Answer: approximately 16.67", "16.67"),
    ("about, with a sign", "Answer: ≈ 8.3 km", "8.3"),
    ("a rate", "Answer: 65 miles/hour", "65"),
    ("a rate with a number in its unit", "Answer: $4 per 12 pencils", "4"),
    ("remark in brackets", "Answer: 21 (since 3 weeks have 7 days each, and 3 * 7 = 21)", "21"),
    ("the sum restated in brackets", "Answer: 46 (30 + 16)", "46"),
    ("result first: 460 = 400 + 60", "Base pay is $400, and overtime pay is $60.\n\nAnswer: 460 = 400 + 60", "460"),
    ("a + b = c", "Answer: 400 + 60 = 460", "460"),
    ("a + b = c with a full stop and unit", "Answer: 12 * 3 + 4 = 40 candles.", "40"),
    ("a chain of equations", "Answer: 3 * 5 + 2 * 4 = 15 + 8 = 23", "23"),
    ("long decimal", "Answer: 1.3333333333333333", "1.3333333333333333"),
    ("trailing zeros", "Answer: 134.0", "134"),
    ("leading zeros", "Answer: 007", "7"),
    ("a time at the full hour", "Answer: 4:00 p.m.", "4"),
    ("a time within the hour is no number", "The bus takes 90 minutes.\nAnswer: 4:30 p.m.", None),
    ("a time in the reasoning", "It leaves at 4:30 p.m. and arrives at 7:30 p.m.\nAnswer: 3 hours", "3"),
    # The line repeated, retracted, or followed.
    (
        "the same line twice",
        """So the fence needs 64 posts.

Answer: 64

Therefore:

Answer: 64""",
        "64",
    ),
    (
        "phrase and line",
        """In 5 years she will be 25 + 5 = 30.

Therefore, the answer is: 30

Answer: 30""",
        "30",
    ),
    (
        "retracted, and a second line",
        """Answer: 72

Wait, the first bus was empty, so I must take away 18.

Answer: 54""",
        "54",
    ),
    (
        "text after the answer",
        """Answer: 15

Explanation: 3 shelves hold 5 vases each, and 3 * 5 = 15. If there were 4 shelves, it would be 20.""",
        "15",
    ),
    (
        "an offer after the answer",
        "Answer: 31\n\nLet me know if you want me to check the other 2 cases!",
        "31",
    ),
    (
        "an explanation cut behind the answer",
        "Answer: The number of members of both clubs is 41. This is because 16",
        "41",
    ),
    (
        "the value restated in other units behind",
        """Answer: 90 minutes

(That is 1.5 hours, or 5400 seconds.)""",
        "90",
    ),
    (
        "a confidence behind the answer",
        "Answer: 12\nConfidence: 95%",
        "12",
    ),
    (
        "the form repeated from the prompt, then filled in",
        """I will end with "Answer: <number>".

9 * 4 = 36

Answer: 36""",
        "36",
    ),
]

WORKED: list[Row] = [
    # Whole solutions, with headings, checks and asides as chat models write them.
    (
        "headings, formulas, a conclusion with two numbers",
        r"""To find out how many planks the carpenter needs, we go step by step.

### Step 1: Area of the floor
The floor is 6 m by 8 m, so its area is
\[ 6 \times 8 = 48 \text{ m}^2. \]

### Step 2: Area of a plank
Each plank covers \( 2 \times 0.25 = 0.5 \text{ m}^2 \).

### Step 3: Number of planks
\[ \frac{48}{0.5} = 96 \]

### Conclusion
The carpenter needs **96** planks of 0.5 m² each.""",
        "96",
    ),
    (
        "a check behind the result, then the line",
        """Let x be the price of a ticket.

5x + 12 = 72
5x = 60
x = 12

**Check:** 5 * 12 + 12 = 60 + 12 = 72. ✓

Answer: 12""",
        "12",
    ),
    (
        "a check behind the line",
        """**Answer:** 12

**Check:** 5 * 12 + 12 = 72, which is what they paid on day 1.""",
        "12",
    ),
    (
        "doubts on the way, then the line",
        """He has 3 * 14 = 42 cards. Hmm, is the answer 42? Wait, he gives 8 away first.
So 14 - 8 = 6 per box? No: 42 - 8 = 34.

Let me double-check: 42 - 8 = 34. Yes.

Answer: 34""",
        "34",
    ),
    (
        "bullets per person, the total in the last",
        """- **Ana**: 12 km on Monday, 9 km on Tuesday → 21 km
- **Bo**: half of Ana's way → 10.5 km
- **Cy**: 3 km more than Bo → 13.5 km

Total: 21 + 10.5 + 13.5 = **45 km**""",
        "45",
    ),
    (
        "two cases, and the one that counts",
        """**Case 1:** With the card he pays 80 - 20 = 60 dollars.
**Case 2:** Without the card he pays 80 dollars.

He has the card, so case 1 applies.

**Final answer: $60**""",
        "60",
    ),
    (
        "the question restated, then a plan, then the result",
        """We are asked how many of the 250 seats stay empty in the second half.

Plan: (1) find the seats taken, (2) subtract them from 250.

(1) 3/5 of 250 is 150, and 35 people come late, so 185 seats are taken.
(2) 250 - 185 = 65

So 65 seats stay empty in the second half.""",
        "65",
    ),
    (
        "a note on rounding behind the answer",
        """8 km at 3 km/h take 8 / 3 = 2.67 hours.

**Answer: 2.67 hours**

*Note: rounded to 2 decimal places.*""",
        "2.67",
    ),
    (
        "a summary list behind the answer",
        """The answer is **150**.

Summary:
1. 30 rows were planted.
2. 5 trees stand in each row.
3. 30 × 5 = 150.""",
        "150",
    ),
    (
        "equations as one chain over lines",
        """Total wages
= 8 * 15 + 4 * 22.5
= 120 + 90
= 210

Answer: $210""",
        "210",
    ),
    (
        "an answer for each part, the last was asked for",
        """(a) In the first hour 18 buses pass.
(b) In the second hour 26 buses pass.
(c) So in both hours 18 + 26 = 44 buses pass.

The answer is 44.""",
        "44",
    ),
    (
        "lines that name other answers, then the answer",
        """If we forget the driver, the answer would be 32.
If we count him twice, the answer would be 34.
Counting him once, the answer is 33.""",
        "33",
    ),
    (
        "a plan with the word answer in it",
        """To get the answer we add 15 and 27, then halve it.

15 + 27 = 42
42 / 2 = 21

So she gets 21 coins.""",
        "21",
    ),
    (
        "a dialogue about the answer at its end",
        """9 * 13 = 117, and 117 - 17 = 100.

Answer: 100

Great question! Would you like me to try it with 20 instead of 13?""",
        "100",
    ),
]

PHRASES: list[Row] = [
    (
        "the answer is, after a sum",
        "Each of the 7 teams has 6 players, so there are 7 * 6 = 42 players. The answer is 42.",
        "42",
    ),
    (
        "a remark within the phrase",
        "There are 24 red and 16 blue beads, 40 in all. \nTherefore, the answer (arabic numerals) is 40. \n\n",
        "40",
    ),
    (
        "the phrase rounds what the text left open",
        "In 7.5 hours, she packs 37.5 boxes. \n\n \nTherefore, the answer (arabic numerals) is 37.",
        "37",
    ),
    (
        "the phrase decides against the last sentence",
        "So the farmer has 19 goats, and 19 + 12 = 31 animals. \nTherefore, the answer (arabic numerals) is 19.",
        "19",
    ),
    (
        "the value below the phrase",
        "We add the two halves of the road. \nTherefore, the answer (arabic numerals) is:\n\n14",
        "14",
    ),
    (
        "a sentence below the phrase",
        "If we start with the number of Petra's marbles, \nTherefore, the answer (arabic numerals) is \n\nPetra has 48 marbles.",
        "48",
    ),
    (
        "an equation below the phrase",
        "Finally, we subtract what she would have earned on the six days from the \n"
        "Therefore, the answer (arabic numerals) is: \n\n84 - 36 = 48",
        "48",
    ),
    (
        "a sentence with more numbers below the phrase",
        "Each crate sold for $4, so 150 x $4 = $600\n\n \nTherefore, the answer (arabic numerals) is: \n\n"
        "The two farms made $600 by selling 3000 pears in 150 crates at $4 per crate.",
        "600",
    ),
    (
        "nothing below the phrase",
        "To find the total, we count the red ones and \nTherefore, the answer (arabic numerals) is \n",
        None,
    ),
    (
        "an equation within the phrase, then a sentence",
        "The mill sold 81 sacks and 9 barrels. \nTherefore, the answer (arabic numerals) is 81 - 9 = 72. "
        "The mill sold 72 more sacks than barrels. \n",
        "72",
    ),
    (
        "a tight equation within the phrase",
        "She was supposed to wash 14 cars, but she \nTherefore, the answer (arabic numerals) is 6*5=30.",
        "30",
    ),
    (
        "a restatement behind the phrase",
        "The average is therefore \nTherefore, the answer (arabic numerals) is 35. \n\n"
        "The average amount read by each of the 4 pupils is 35 pages.",
        "35",
    ),
    (
        "a cut restatement behind the phrase",
        "Therefore, the answer is 35.\n\nTo check: 4 pupils read 35 pages each, so 4 *",
        "35",
    ),
    (
        "percent in the phrase, the fraction in a second one",
        "20/80 = 1/4 \n\nOne fourth of the tiles are blue. \n"
        "Therefore, the answer (arabic numerals) is 25%. As a fraction, the answer is 1/4.",
        "25",
    ),
    (
        "percent in the phrase, rounded from a quotient before",
        "There are 33 green cards among 69, and 33/69 = 0.478, or 48% when rounded. The answer is 48%.",
        "48",
    ),
    (
        "fraction or decimal",
        "0.875 - 0.25 = 0.625\n\nTherefore, the answer (arabic numerals) is 5/8 or .625.",
        "0.625",
    ),
    (
        "money with cents and a full stop",
        "Therefore, the commission on 3 vases and 8 bowls is $2.60. \nTherefore, the answer is $2.60.",
        "2.6",
    ),
    (
        "money in thousands, against the sum before",
        "$120,000 + $6,000 = $126,000. \n\nThe new roof of the \nTherefore, the answer (arabic numerals) is $4,500.",
        "4500",
    ),
    (
        "negative",
        "This means that he would have 5 - 8 = -3 tokens left. \nTherefore, the answer is -3.",
        "-3",
    ),
    (
        "zero",
        "All 15 tickets are sold, so not one is free. \nTherefore, the answer (arabic numerals) is 0.",
        "0",
    ),
    (
        "the number said in words",
        "$90 - $48 = $42 \nTherefore, the answer (arabic numerals) is Forty-Two.",
        "42",
    ),
    (
        "hope behind the phrase",
        "15 pupils in 3 groups make 5 per group. \nTherefore, the answer is 5. \n\nI hope this helps!",
        "5",
    ),
    (
        "final answer, a colon and no verb",
        "4 * 60 = 240 metres. So she swims 240 / 4 = 60 metres a day. The final answer: 60.",
        "60",
    ),
    (
        "the answer, a colon and a unit",
        "- 3 metres/day * 7 days = 21 metres\n\nTherefore, 21 metres of hedge are cut. The answer: 21 metres.",
        "21",
    ),
    (
        "so the answer is, a colon and a unit",
        r"""\[ \text{Total} = 20 \text{ minutes} + 85 \text{ minutes} = 105 \text{ minutes} \]

So, the answer is: 105 minutes.""",
        "105",
    ),
    (
        "the answer, a colon and inline math",
        r"Therefore, the spiders have \(320\) legs. The answer: \(320\)",
        "320",
    ),
    (
        "a box in a display below the phrase",
        r"""   \[
   \frac{240 \text{ ml}}{4} = 60 \text{ ml}
   \]

Thus, each glass takes 60 millilitres. The final answer is:

\[
\boxed{60}
\]""",
        "60",
    ),
    (
        "denied, then given",
        "One might think that the answer is not a whole number, but 84 / 6 = 14, so the answer is 14.",
        "14",
    ),
    (
        "a wrong answer named first",
        "A common wrong answer is 32, which forgets the driver. The correct answer is 33.",
        "33",
    ),
    (
        "the phrase of a hypothesis comes first",
        "If the answer is 9, then 9 * 4 = 36, which is too much. So the answer is 8.",
        "8",
    ),
]

SENTENCES: list[Row] = [
    # Nothing marks the answer: the last sentence gives it.
    (
        "last line is an equation",
        """Therefore, the difference is:

180 - 75 = 105 kilos of apples""",
        "105",
    ),
    (
        "the last of three equations, then a sentence",
        "41 + 26 = 67 \n67 + 38 = 105 \n\nTherefore, the three cousins have a total of 105 shells. ",
        "105",
    ),
    (
        "an equation in thousands that restates the question",
        "We subtract the old count of reeds from the new one. \n\n2,751 - 608 = 2,143 more reeds in the pond now ",
        "2143",
    ),
    (
        "steps as headings, the last asks",
        "Step 1: How many stones has Ida? 38. \nStep 2: How many stones has Jon? 45. \n"
        "Step 3: How many stones have they together? 38 + 45 = 83. ",
        "83",
    ),
    (
        "other number behind the answer",
        "Each van holds 8 drums. \n\nTherefore, Elias needs 4 vans to move all of his 29 drums. \n ",
        "4",
    ),
    (
        "other number in front of the answer",
        "They cut 45 bales each day. \n\nAfter 8 days of harvest, they will have 360 bales.",
        "360",
    ),
    (
        "the same number twice",
        "7x = 49\nx = 7\n\nClara gave 7 tulips to each of her 7 aunts. ",
        "7",
    ),
    (
        "a purpose behind the answer",
        "Therefore, Ms. Ortiz will need to buy 6 rolls of tape so that every child can have 2 strips, "
        "and she will have 3 strips left over. ",
        "6",
    ),
    (
        "a comparison",
        "Ben ran 9 laps. \nThat means Ada ran 5 laps. \nThat means Ben ran 4 more laps than Ada. ",
        "4",
    ),
    (
        "a rate",
        "That leaves 18 dancers. \n18 dancers in 3 rows would be 6 dancers per row. ",
        "6",
    ),
    (
        "groups of a size",
        "There are 48 singers in total. \n48/6 = 8 rows with 6 singers in each row. \n ",
        "8",
    ),
    (
        "which is",
        "That means she used 46 and she is left with 71 - 46, which is 25. ",
        "25",
    ),
    (
        "which is, with money",
        "Therefore, Tom's pay for the week is $520 + $90, which is $610. ",
        "610",
    ),
    (
        "which equals, with cents",
        "The bill was $7.25 + $3.40 + $9.35 - $2.00, which equals $18.00. ",
        "18",
    ),
    (
        "a difference, or its value",
        "Then 2 players left. So the number of lives left is 30 - 12, or 18. ",
        "18",
    ),
    (
        "we get our answer",
        "8 boxes with 7 pens make 56. \nNow we just add 56 and 21 and we get our answer: 77 pens. ",
        "77",
    ),
    (
        "money, and what it was made from",
        "The difference between $15 and $82 is $67. This means that Lou made $67 from mending bikes. ",
        "67",
    ),
    (
        "money for a time in words",
        "So in total, Mia earned $25 + $14 = $39 from walking dogs for seven hours. ",
        "39",
    ),
    (
        "before a deadline",
        "He needs 18 days to finish the wall. \n\nTherefore, Paul will finish the wall 9 days before the deadline. ",
        "9",
    ),
    (
        "years from now",
        " To find out how old he will be 6 years from now, we add 6: 9 + 6 = 15. "
        "Therefore, Hugo will be 15 years old 6 years from now.",
        "15",
    ),
    (
        "ordinals in the reasoning",
        "When he saw it for the second time, he was 84. We go back 76 years. \n\n"
        "This means that he saw it for the first time when he was 8 years old. ",
        "8",
    ),
    (
        "thousands at the end of a sentence",
        "This is equal to $700 + $400 + $140. \nTherefore, the total cost of the watch is $1,240. ",
        "1240",
    ),
    (
        "thousands in bold at the end of a sentence",
        "\\[ 18,000 + 27,500 = 45,500 \\]\n\nTherefore, the loan amounts to **$45,500**.",
        "45500",
    ),
    (
        "bold within a sentence",
        """4. **Compare the two totals**:
   - Ana spends $300.00, so the difference is:
     \\[
     300.00 - 210.00 = 90.00
     \\]

Therefore, Ana spends **$90** more on her 2 papers than Bo.""",
        "90",
    ),
    (
        "a unit in bold",
        "So he pours 5 jugs of 3 litres.\n\nHe pours **15 litres** into the 20 litre barrel.",
        "15",
    ),
    (
        "a minus in an expression, a positive result",
        "That means he has -41 + 20 = -21 points. \n\nTherefore, he has 30 - (-21) = 51 points less than her. ",
        "51",
    ),
    (
        "a negative result",
        "She ate 21 plums of 17. \n\nThis means that she would have 17 - 21 = -4 plums left. ",
        "-4",
    ),
    (
        "an inequality solved",
        r"""\[ 12x + 200 \leq 1400 \]
\[ x \leq 100 \]

So, the largest number of crates on the lift is 100.""",
        "100",
    ),
    (
        "rounded up",
        "There are 95 guests, so 95 / 12 = 7.9 tables are needed. \nThis means that 8 tables are needed. ",
        "8",
    ),
    (
        "rounded down within the sentence",
        "She fills 50 / 12 = 4.17 boxes. Since only full boxes count, we round down, which is 4.",
        "4",
    ),
    (
        "percent of a whole",
        "18 of the 24 seats are taken, so 18 / 24 = 0.75.\nThus 75% of the seats are taken.",
        "75",
    ),
    (
        "number words, and a sum of them",
        "There are nine swans on the lake, and twelve ducks. \n"
        "Adding these up, we get nine + twelve, or twenty-one birds in total. ",
        "21",
    ),
    (
        "number words only",
        "The cat has four kittens, and each kitten has two spots.\n\nSo there are eight spots in all.",
        "8",
    ),
    (
        "a question, an equation and a stub of courtesy",
        "How many are left? 52 - 19 = 33. I hope that helps!",
        "33",
    ),
    (
        "courtesy with a number behind the answer",
        "So the train covers 340 kilometres.\n\nIf you have 5 minutes, let me know whether this was clear!",
        "340",
    ),
    (
        "a list whose last item gives the result",
        """- Blue tiles: 24
- White tiles: 36
- Together: 24 + 36 = 60""",
        "60",
    ),
    (
        "numbered list, the last item a sentence",
        """1. The pool is 25 metres long.
2. She swims 16 lengths.
3. So she swims 25 * 16 = 400 metres.""",
        "400",
    ),
    (
        "the sentence behind a display",
        r"""$$
\frac{x}{18} = \frac{1}{3}
$$

$$
x = \frac{18}{3} = 6
$$

Eve passed on 6 of the 18 letters.""",
        "6",
    ),
]

BARE: list[Row] = [
    # The whole output, or its first line.
    ("a number behind empty lines", "\n\n730", "730"),
    ("a number behind a space", " 4", "4"),
    ("thousands and a full stop", "2,750.", "2750"),
    ("thousands behind a blank line", " \n\n6,318", "6318"),
    ("decimal and a full stop", " 0.7.", "0.7"),
    ("decimal", " 19.25", "19.25"),
    ("long decimal and a full stop", " 12.666666666666666.", "12.666666666666666"),
    ("a full stop and line ends", "\n\n36.\n\n", "36"),
    ("money", "\n\n$1,960", "1960"),
    ("percent", "\n\n35%", "35"),
    ("more than all", "140%", "140"),
    ("unit", "\n\n1,320 feet", "1320"),
    ("unit and a full stop", "\n\n45 minutes.", "45"),
    ("rate", "25 MB/second", "25"),
    ("fraction with spaces", "2 / 3", "2/3"),
    ("fraction or decimal", " 5/8 or .625.", "0.625"),
    ("percent or fraction", "25%, or 1/4", "25"),
    ("equation", "640 + 380 = 1020", "1020"),
    ("tight equation and a full stop", "7*8=56.", "56"),
    ("equation, then a sentence", " 64 - 9 = 55. The club sold 55 more shirts than caps. \n", "55"),
    ("result first", "460 = 400 + 60", "460"),
    ("words", "Thirty-Six.", "36"),
    ("one word", "twelve", "12"),
    ("digits and words", " \n\n5 hundred and sixty two", "562"),
    ("sentence", "\n\nHanna bought the lambs for $450.", "450"),
    ("sentence with leading space", "\n\n Otto helps a total of 85 people.", "85"),
    ("first line, then a sentence with other numbers", "5. \n\nMs. Ray needs 5 packs to give each child 3 cards.", "5"),
    ("first line, then working", "$14. \n\n3 loaves at $4 each = $12\n1 cake for $2", "14"),
    ("first line, then hope", "9. \n\nI hope this helps!", "9"),
    (
        "percent, then an explanation in another language",
        " 65%\n\nExplicación:\n\n1. Restamos los otros porcentajes: 100% - (15% + 20%) = 65%.",
        "65",
    ),
]

HASHES: list[Row] = [
    ("hashes after steps", "She packs 6 x 9 = 54 cups.\nShe drops 5, so 54 - 5 = 49 are left.\n#### 49", "49"),
    (
        "calculator marks",
        "Each of 4 rows has 12 vines, so 4 * 12 = <<4*12=48>>48 vines.\n48 - 6 = <<48-6=42>>42 live.\n#### 42",
        "42",
    ),
    ("no space", "So 9 + 6 = 15.\n\n####15", "15"),
    ("decimal without a space", "####152.5", "152.5"),
    ("value on the next line", "####\n20", "20"),
    ("value behind an empty line", "So she rode 70 - 20 - 15 = 35 km.\n\n####\n\n35", "35"),
    ("a lone hash in between", "#### #\n150", "150"),
    ("five of them", " So there are 5 + 8 = 13 flowers.\n\n##### 13", "13"),
    ("at the end of the line", "4. [Final step] Thus, the van goes 14 km on one litre. #### 14", "14"),
    ("behind an equation on its line", "Left over = 88 - 61 = 27 #### 27", "27"),
    ("thousands and cents", "#### $3,125.00", "3125"),
    ("thousands and a unit", "#### 6,000 copies", "6000"),
    ("unit", "So 25 + 20 = 45.\n\n#### 45 minutes", "45"),
    ("rate", "#### 6 miles/hour", "6"),
    ("remark in brackets", "#### 52 (total age of the 3 owls)", "52"),
    ("remark on what it counts", "#### $180 (per month for 4 months)", "180"),
    ("approximately, abbreviated", "#### $61,240 (approx.)", "61240"),
    ("equation", "Since the bag is too heavy, 20 kilos must go.\n#### 385 - 20 = 365 kilos", "365"),
    ("final answer in words", "Total = 4 + 3\n\n#### Final answer: 7 rolls in total.", "7"),
    ("a sentence with a name", "#### Mika at first had 21 model planes.", "21"),
    (
        "a sentence with times",
        "#### Final answer: The wick will be 8 cm shorter after burning from 2:00 PM to 6:00 PM.",
        "8",
    ),
    ("a sentence with a number in front", "#### Final answer: Ali's age 12 years from now is 30.", "30"),
    ("a sentence with a number behind", "#### 7 carts passed the gate in the first 20 minutes.", "7"),
    ("a letter in the sentence", "#### Final answer: 310 pupils left through door B.", "310"),
    ("a refusal", "#### No exact number of ants can be found with the given facts.", None),
    ("a sentence behind", "5. S = 3 * 6 = 18.\n\n#### 18\n\nSofia is 18 years old.", "18"),
    ("a sentence with another number behind", "#### 9\n\nSo 9 of the 40 lamps are out.", "9"),
    ("restated without units", "30 / 7 = 4.29 horas.\n\n#### 4.29\n\n4.29 (sin unidades)", "4.29"),
    ("decided against the sentence above", "In total that makes $75.10.\nHe rounds up to $76.10.\n#### 76", "76"),
    ("the stub of a question behind", "So he earns 18 * 3 = $54.\n#### 54\n\nQuestion:", "54"),
    ("headings are no answers", "#### 1. Find the sum\n8 + 9 = 17\n#### 2. Double it\n2 * 17 = 34\n\n#### 34", "34"),
    ("a box, then hashes", "**5. 最终答案**  \n\\[\n\\boxed{96}\n\\]\n\n---\n\n#### 96", "96"),
    ("a trailing mark", "3. 2 * (15 + 40) = 110\n\n最终答案：110####", "110"),
    # The other mark of worked solutions.
    ("A: at the end", "Mona places 900 / 3 = 300 tiles.\nThus, 900 - 300 = 600 are left.\nA: 600", "600"),
    ("A: with the plain text", "6 boxes of 7 eggs.\nA: 42", "42"),
    ("A: with calculator marks", "He saw 140 / 40 = <<140/40=3.5>>3.5 films.\nA: 3.5", "3.5"),
]

BOXES: list[Row] = [
    ("in a display, unit behind", "Thus, both fields together cover:\n\n\\[\n\\boxed{420}\n\\] square miles.", "420"),
    ("in inline math", "Thus, a bag holds \\( \\boxed{16} \\) nuts, and 5 bags hold 80.", "16"),
    ("unit in text behind", "$$\n\\boxed{36.4} \\text{ seconds}\n$$", "36.4"),
    ("unit inside", "So the path is $\\boxed{18 \\text{ m}}$ long.", "18"),
    ("money inside", "So they raised $\\boxed{\\$1{,}250}$.", "1250"),
    ("percent inside", "Hence $\\boxed{40\\%}$ of the 60 seats are free.", "40"),
    (
        "decimal, trailing zero, then a sentence",
        "$$\n\\boxed{12.50}\n$$\n\n**With 12 flowers you save $12.50.**",
        "12.5",
    ),
    ("equation inside", "\\[ \\boxed{x = 24} \\]", "24"),
    ("sum and result inside", "\\[ \\boxed{15 + 8 = 23} \\]", "23"),
    ("fraction inside", "The chance is $\\boxed{\\frac{3}{20}}$.", "0.15"),
    ("negative inside", "Since 4 - 9 = -5, the final answer is:\n\\[\n\\boxed{-5}\n\\]", "-5"),
    ("several, the last counts", "First \\boxed{6} per row, and with 8 rows \\boxed{48}.", "48"),
    ("the same one twice", "$$\n40 + 42 = \\boxed{82}\n$$\n\n---\n\n**Answer:** $\\boxed{82}$", "82"),
    ("a variable inside is no number", "The cost is\n$$\n\\boxed{9{,}000 - 4x}\n$$", None),
    ("words inside are no number", "$$\n\\boxed{\\text{there is no such number}}\n$$", None),
    (
        "closed before the last one was cut",
        "So 30 - 18 = 12.\n\\boxed{12}\nTherefore, the answer is \\(\\boxed{12",
        "12",
    ),
    (
        "line before the last box was cut",
        "**Answer:** Parker needs **6 packs** of gum.\nTherefore, the answer is \\(\\boxed{6",
        "6",
    ),
]

FORMS: list[Row] = [
    # Tags and JSON.
    (
        "tags on lines of their own",
        """<reasoning>
She wrote 4 + 3 + 2 = 9 notes, each took 3 hours, so 9 * 3 = 27 hours.
</reasoning>
<answer>
27
</answer>""",
        "27",
    ),
    ("tags in line", "So the sum is 5 + 9. <answer>14</answer>", "14"),
    ("tags with a unit", "<answer> 14 metres </answer>", "14"),
    ("tags with money", "<answer>$1,300</answer>", "1300"),
    ("tags with an equation", "They ride 2 hours out.\n</reasoning>\n<answer>\n2 + 3 = 5\n</answer>", "5"),
    ("tags decide against the reasoning", "Each toy weighs 4.5 pounds.\n</reasoning>\n<answer>\n9\n</answer>", "9"),
    ("tags with a phrase", "</think>\n<answer> The answer is 28 </answer>", "28"),
    ("tags with a sentence", "<answer>There are 12 even numbers between 1 and 25.</answer>", "12"),
    ("tags, text behind", "<answer>64</answer>\n\nThis follows from 8 * 8.", "64"),
    (
        "a speaker glued to the tag",
        "<answer>57</answer>Human: In a hall there are 40 lamps. How many chairs are there?",
        "57",
    ),
    (
        "JSON in a code block",
        """```json
{
    "reasoning": "Here is how.\\n\\n1. 3 trays of 8 make 24.\\n2. 24 + 5 = 29.\\n",
    "answer": "29"
}
```""",
        "29",
    ),
    (
        "JSON with a bare number",
        '{"steps": ["7 * 6 = 42", "42 - 2 = 40"], "answer": 40}',
        "40",
    ),
    (
        "JSON with a sentence",
        """{
    "reasoning": "Paint is 120 and paper is 95.",
    "answer": "The cost of doing up the 2 rooms was $215."
}""",
        "215",
    ),
    ("JSON with another key", '{"thought": "6 + 5", "final_answer": "11"}', "11"),
    # Tables and code.
    (
        "a table of steps, then a sentence",
        """| Day | Pages |
|-----|-------|
| Mon | 12 |
| Tue | 18 |
| **Total** | **30** |

In all she read **30** pages on 2 days.""",
        "30",
    ),
    (
        "a table, then the line",
        """| Item | Count | Price |
|---|---|---|
| Jam | 3 | $4 |
| Bread | 2 | $5 |

Answer: 22""",
        "22",
    ),
    (
        "code, its output, then a box",
        """```python
rows = 14
print(rows * 9 - 17)
```
```output
109
```
There are \\(\\boxed{109}\\) seats.""",
        "109",
    ),
    (
        "the line in a code block",
        "So 16 chairs are left. The answer is:\n\n```\nAnswer: 16\n```",
        "16",
    ),
    (
        "the value in a code block below the phrase",
        "The answer is:\n\n```\n275\n```",
        "275",
    ),
    (
        "a display in steps, unit behind, then the line",
        r"""\[
\begin{aligned}
\text{Total} &= 12 \times 5 + 8 \\
&= 68
\end{aligned}
\]
**Final Answer:** \(68\) apples""",
        "68",
    ),
    # Thoughts.
    (
        "a thought that changes its mind, then the line",
        "<think>\nFirst guess: Answer: 40. But no, 2 are broken, so 38.\n</think>\n\n40 - 2 = 38\n\nAnswer: 38",
        "38",
    ),
    ("only the end of the thought, then a number", "so it must be 15 and not 16.\n</think>\n\n15", "15"),
    ("only a blank behind the thought", "We have 3 * 9 = 27 cups.\nAnswer: 27\n</think>\n\n", "27"),
    (
        "the box in the thought and behind it",
        "<think>Maybe \\boxed{24}?</think>\n\n### **Conclusion**\n\nThe number of tents is:\n\n$$\n\\boxed{25}\n$$",
        "25",
    ),
    ("an empty thought", "<think>\n\n</think>\n\n5 * 8 = 40.\n\nAnswer: 40", "40"),
    (
        "a thought left open",
        "<think>\nSo 60 percent of 5 is 3, and 8 * 3 = 24. Then the total is 24 + 40 = 64? But",
        None,
    ),
]

RUN_ONS: list[Row] = [
    # Base models go on with the examples of the prompt, or with a chat of their own.
    (
        "question and answer, as in the prompt",
        """ Each of the 5 pots needs 3 litres, so 5 * 3 = 15 litres. The answer is 15.

Question: A ladder has 12 rungs and 4 break. How many are left?
Answer: 12 - 4 = 8. The answer is 8.""",
        "15",
    ),
    (
        "three invented questions",
        """ 16 - 7 = 9
#### 9

Question: Ida has 4 cats. Each has 3 toys. How many toys?
Answer: 4 * 3 = 12
#### 12

Question: A rope of 20 m is cut in 5. How long is a part?
Answer: 20 / 5 = 4
#### 4""",
        "9",
    ),
    (
        "Q and A",
        """ She reads 30 pages a day, so 7 * 30 = 210. The answer is 210.

Q: Tim had 8 nuts and found 5 more. How many nuts does he have?
A: 8 + 5 = 13. The answer is 13.

Q: There were""",
        "210",
    ),
    (
        "question in brackets, with options",
        """ The rest is 50 - 14 = 36 seats. The answer is 36.
[Question] A school draws a sample of 200 pupils. How many come from each year?
A: 100, 100
B: 120, 80
[Answer] 120 * 2 = 240, so the answer is B. There are 240.""",
        "36",
    ),
    (
        "question in brackets, with a box",
        """ He paid 20 / 100 * 40,000 = 8,000. The answer is 32000.
[Question]There are 900 boys among 1500 pupils. ______ boys are drawn.
[Answer]The boys drawn are $\\boxed{60}$.""",
        "32000",
    ),
    (
        "problem and solution",
        """The path is 24 m long. Answer: 24

Problem 2: A wheel turns 15 times a minute. How many times in 4 minutes?
Solution: 15 * 4 = 60. Answer: 60""",
        "24",
    ),
    (
        "bold headings of the next question",
        """**Answer:** 18

**Question 3:** What is 6 plus 1?

**Answer:** 7""",
        "18",
    ),
    (
        "end of turn, then a user",
        "The answer is 33.<|im_end|>\n<|im_start|>user\nWhat is 5 * 5?<|im_end|>\n<|im_start|>assistant\nThe answer is 25.",
        "33",
    ),
    ("end of text, then more", "#### 71<|endoftext|>#### 12", "71"),
    ("headers of another family", "Answer: 8<|eot_id|><|start_header_id|>user<|end_header_id|>\n\nAnswer: 9", "8"),
    ("instruction marks", "Answer: 45 [INST] And 6 * 6? [/INST] Answer: 36", "45"),
    (
        "a user's turn in plain words",
        "The answer is 90.\n\nUser: Thanks! What about 7 * 7?\n\nAssistant: The answer is 49.",
        "90",
    ),
    ("a human's turn", "So the answer is 12.\n\nHuman: Now halve it.\n\nAssistant: The answer is 6.", "12"),
    (
        "instruction and response",
        "So 11 are left.\nAnswer: 11\n\n### Instruction:\nAdd 4 and 9.\n\n### Response:\nAnswer: 13",
        "11",
    ),
    (
        "an unmarked question of the same kind",
        """ 6 * 12 = 72. The answer is 72.

A baker has 40 rolls and sells 15 in the morning. He bakes 10 more. How many rolls does he have now?
40 - 15 + 10 = 35. The answer is 35.""",
        "72",
    ),
    (
        "the question repeated first",
        """Question: A shop has 9 shelves with 8 books. How many books has it?
9 * 8 = 72
Answer: 72""",
        "72",
    ),
    ("a loop of its own answer", "Answer: 16\n" * 12, "16"),
    ("a loop of its own phrase, broken off", "The answer is 250. " * 9 + "The answer is 25", "250"),
]

UNREAD: list[Row] = [
    # No answer, or none that is a number.
    ("a refusal", "I'm sorry, but I can't help with that.", None),
    ("not enough facts", "We don't know how long the trip took, so the answer cannot be found.", None),
    ("a question back", "Could you tell me how many boxes there are?", None),
    ("the answer is symbolic", "Total = x + 2x = 3x\n\nAnswer: 3x", None),
    ("yes", "**Answer:** Yes, she has enough.", None),
    ("the answer is a name", "Answer: Monday", None),
    ("a placeholder", "Answer: [number]", None),
    ("underscores", "Answer: ______", None),
    ("the word and nothing else", "We add them up.\n\nAnswer:\n", None),
    ("only markup", "**\n\n---\n\n**", None),
    ("cut behind 'and'", "In this case we would add up 120 + 80 + 45 and ", None),
    ("cut behind a plus", "The length of the rods that are left is 12 + 5 +", None),
    ("cut behind an opened formula", "The number of rolls is \\( 3 +", None),
    ("cut behind 'the'", "$85,000 + $7,500 = $92,500. \n\nThe total price of the", None),
    ("cut behind 'of'", "Therefore, the price is the first total of $30.00 plus the fees of", None),
    ("cut behind a preposition", "1. Water: 15 litres\n2. Now we need to multiply 15 by", None),
]

SCRIPTS: list[Row] = [
    # Other scripts, other languages, signs that can't be seen.
    ("full-width digits", "Answer: ４２", "42"),
    ("full-width colon and digits", "Answer：１，２００", "1200"),
    ("Arabic digits", "الجواب هو ٤٢\nAnswer: ٤٢", "42"),
    ("Devanagari digits", "Answer: ४२", "42"),
    ("zero-width space within the line", "So it is 12 * 4.\nAnswer:\u200b 48\u200b", "48"),
    ("zero-width joiner before the word", "\u200dAnswer: 48", "48"),
    ("word joiner behind the colon", "Answer:\u206048", "48"),
    ("byte-order mark and bold", "\ufeff**Answer:** 48", "48"),
    ("no-break spaces", "The total is 30\u00a0+\u00a018.\nAnswer:\u00a048\u00a0km", "48"),
    ("Chinese, the answer is", "\\[ 35 + 50 = 85 \\]\n\n因此，答案是 85 升。", "85"),
    ("Chinese, with a colon and a full stop", "所以，小明还剩下 $68。答案：$68。", "68"),
    ("Chinese, a negative answer given twice", "\\[ 11 - 20 = -9 \\]\n\n因此，答案是：\n\n答案：-9", "-9"),
    ("Chinese, a sentence behind the colon", "所以，答案是：安娜比本多买了 95 支笔。", "95"),
    ("Chinese, a name before the number", "所以，答案是 林先生现在 36 岁。", "36"),
    ("Chinese in a code block", "The answer is:\n\n```\n答案：316\n```", "316"),
    ("Chinese, no marker", "综上所述，现在院子里共有 \\( 17 \\) 只鸡。", "17"),
    ("Chinese, no marker, thousands", "所以，他们一共卖了 1,350 张票。", "1350"),
    (
        "Japanese, a heading and a box",
        "### 最終的な答え：\n\n$$\n\\boxed{187}\n$$\n\n合計は **187ドル** になります。",
        "187",
    ),
    ("Japanese, a bold heading and a unit", "**答え：**\n\n$$\n\\boxed{120} \\text{個}\n$$", "120"),
    ("Korean", "12 * 3 = 36\n정답은 36입니다.", "36"),
    ("Spanish, la respuesta es", "Multiplicamos 6 por 9.\n\nLa respuesta es 54.", "54"),
    ("Spanish, hashes and a sentence", "3. Sumamos: $60 + $18 = $78.\n\n#### 78\n\nElla necesita $78.", "78"),
    ("Spanish, a decimal comma", "Cada caja pesa 2,5 kg.\n\nRespuesta: 7,5", "7.5"),
    ("French", "On obtient 8 x 7 = 56.\n\nLa réponse est 56.", "56"),
    ("French, spaces in thousands", "La réponse finale est : 12 500 euros", "12500"),
    ("German", "Also bleiben 90 - 34 = 56 Euro.\n\nDie Antwort ist 56.", "56"),
    ("German, points in thousands", "Antwort: 1.250.000 Euro", "1250000"),
    ("Italian", "La risposta è 19.", "19"),
    ("Portuguese", "Portanto, a resposta é 24 laranjas.", "24"),
    ("Russian", "Всего 7 * 5 = 35.\n\nОтвет: 35", "35"),
    ("Vietnamese", "Vậy đáp án là 64.", "64"),
    ("Bengali, a bold value and an offer", "### উত্তর:\n\n**72.5 টাকা**\n\n---\n\nআরও প্রশ্ন থাকলে করুন।", "72.5"),
    ("Swahili, a box behind the thought", "Idadi ni 7.\n</think>\n\n### **Hitimisho**\n\n$$\n\\boxed{7}\n$$", "7"),
]

NUMBERS: list[Row] = [
    *((f"line: {reason}", text, answer) for reason, text, answer in CONTRACTS),
    *((f"worked: {reason}", text, answer) for reason, text, answer in WORKED),
    *((f"phrase: {reason}", text, answer) for reason, text, answer in PHRASES),
    *((f"sentence: {reason}", text, answer) for reason, text, answer in SENTENCES),
    *((f"bare: {reason}", text, answer) for reason, text, answer in BARE),
    *((f"hashes: {reason}", text, answer) for reason, text, answer in HASHES),
    *((f"box: {reason}", text, answer) for reason, text, answer in BOXES),
    *((f"form: {reason}", text, answer) for reason, text, answer in FORMS),
    *((f"run-on: {reason}", text, answer) for reason, text, answer in RUN_ONS),
    *((f"unread: {reason}", text, answer) for reason, text, answer in UNREAD),
    *((f"script: {reason}", text, answer) for reason, text, answer in SCRIPTS),
]

# --- formulas -----------------------------------------------------------------------------------------------------

BOXED: list[Row] = [
    # The box and little around it, as a model fills in "the answer is".
    ("a space in front", " \\boxed{126}", "126"),
    ("dollars and a full stop", " $\\boxed{72}$.", "72"),
    ("a stray dollar behind", " \\boxed{50}$.", "50"),
    ("a stray display end behind", " \\boxed{\\left(4, \\infty\\right)}\\]", "\\left(4, \\infty\\right)"),
    ("a stray inline end behind", " \\boxed{ \\dfrac{1}{6} } \\)", "\\dfrac{1}{6}"),
    ("the end of a thought behind", " \\boxed{\\sqrt{11}}$.\n</think>", "\\sqrt{11}"),
    ("a fraction", " $\\boxed{\\frac{\\pi}{5}}$.", "\\frac{\\pi}{5}"),
    ("a fraction of a root", " \\boxed{\\dfrac{\\sqrt{5}}{5}}", "\\dfrac{\\sqrt{5}}{5}"),
    ("a mixed number", " \\boxed{6\\frac{1}{4}}", "6\\frac{1}{4}"),
    ("a base", " $\\boxed{214_7}$.", "214_7"),
    ("a complex number", " $\\boxed{5 - 3i}$", "5 - 3i"),
    ("degrees", " \\boxed{35^\\circ}", "35^\\circ"),
    ("a pair", " \\boxed{(-7, -12)}.\n</think>", "(-7, -12)"),
    ("an interval", " \\boxed{(-\\infty, 9]}.", "(-\\infty, 9]"),
    ("a union of intervals", "\\[\n\\boxed{(0, 3) \\cup (3, 8)}\n\\]", "(0, 3) \\cup (3, 8)"),
    ("an inequality", " \\boxed{0^\\circ < t < 90^\\circ}", "0^\\circ < t < 90^\\circ"),
    ("an equation", " \\boxed{r=9}.", "r=9"),
    ("a function", "Hence\n\n$\\boxed{f(x) = x + 13}$", "f(x) = x + 13"),
    ("a polynomial", " \\boxed{3Ks^2 + 2Ls - M}", "3Ks^2 + 2Ls - M"),
    ("logarithms", " \\boxed{\\dfrac{\\ln(7)}{3 \\ln(7) - \\ln(2)}}", "\\dfrac{\\ln(7)}{3 \\ln(7) - \\ln(2)}"),
    ("a letter", " \\boxed{E}", "E"),
    ("leading zeros", " \\boxed{007}$", "007"),
    ("a decimal", " \\boxed{0.000271}$", "0.000271"),
    ("thousands", "So there are $\\boxed{12{,}600}$ ways.", "12{,}600"),
    ("dollars inside", "The profit was $\\boxed{\\$64}$.", "\\$64"),
    ("percent inside", "So $\\boxed{35\\%}$ of them.", "35\\%"),
    ("a unit inside", "The width is \\boxed{4.25 \\text{ cm}}.", "4.25 \\text{ cm}"),
    ("a power and a unit inside", "\\boxed{2.4 \\times 10^{5} \\text{ J}}", "2.4 \\times 10^{5} \\text{ J}"),
    ("powers in Unicode", "*a ≈ \\boxed{3 × 10⁻² m/s²}*", "3 × 10⁻² m/s²"),
    ("a unit behind the box", " $\\boxed{75}$ degrees.", "75"),
    ("a unit behind the box, in bold", "**The speed is \\boxed{2.2 \\times 10^6} m/s.**", "2.2 \\times 10^6"),
    (
        "a matrix",
        " $\\boxed{\\begin{pmatrix} 2 \\\\ 0 \\\\ 1 \\end{pmatrix}}$",
        "\\begin{pmatrix} 2 \\\\ 0 \\\\ 1 \\end{pmatrix}",
    ),
    (
        "a square matrix",
        "\\boxed{\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}}",
        "\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}",
    ),
    ("cases", "\\boxed{\\begin{cases} x = 1 \\\\ y = 2 \\end{cases}}", "\\begin{cases} x = 1 \\\\ y = 2 \\end{cases}"),
    (
        "nested braces",
        "\\boxed{\\frac{\\sqrt{2^{n+1}}}{3^{\\frac{n}{2}}}}",
        "\\frac{\\sqrt{2^{n+1}}}{3^{\\frac{n}{2}}}",
    ),
    ("a set", "The solutions are $\\boxed{\\{2, 5, 9\\}}$.", "\\{2, 5, 9\\}"),
    ("a list", "The odd ones are:\n\n\\boxed{3, 7, 11, 15, 19, 23, 27, 31}", "3, 7, 11, 15, 19, 23, 27, 31"),
    ("roots with signs", "\\[ \\boxed{2 + \\sqrt{3}, 2 - \\sqrt{3}}. \\]", "2 + \\sqrt{3}, 2 - \\sqrt{3}"),
    ("plus or minus", "\\[ x = \\boxed{3 \\pm \\sqrt{2}} \\]", "3 \\pm \\sqrt{2}"),
    ("two equations", "$$\\boxed{x = 100, \\ y = 10}$$", "x = 100, \\ y = 10"),
    ("words between pairs", "$$\\boxed{ (2, 9) \\text{ and } (9, 2)}$$", "(2, 9) \\text{ and } (9, 2)"),
    ("a name", "Thus, the final answer is \\(\\boxed{\\text{Milo}}\\).", "\\text{Milo}"),
    ("a name in bold letters", "\\boxed{\\textbf{Tuesday}}", "\\textbf{Tuesday}"),
    ("a name in roman letters", "The curve is an $\\boxed{\\mathrm{ellipse}}$.", "\\mathrm{ellipse}"),
    ("a sentence in text", "**Answer:**  \\boxed{\\text{There are no such } n}.", "\\text{There are no such } n"),
    ("a sentence without text", "\\boxed{(k, 3) for every even k}", "(k, 3) for every even k"),
    ("the double fraction command", "$\\boxed{\\dfrac{11}{4}}$", "\\dfrac{11}{4}"),
    ("a fraction without braces", "So the area is $\\boxed{\\frac12}$.", "\\frac12"),
    ("a number without braces", "so the sum is $\\boxed 8$.", "8"),
    ("spaces inside", "\\boxed{ 16 }", "16"),
    ("display dollars inside", "\\boxed{$\\frac{2}{7}$}", "\\frac{2}{7}"),
]

BOXES_IN_TEXT: list[Row] = [
    # A box at the end of a solution.
    (
        "in a display",
        r"""The legs are 9 and 40, so

\[ \boxed{41} \]""",
        "41",
    ),
    (
        "in a display over lines, then an offer",
        r"""So the final answer is:
\[
\boxed{\left(2, \frac{\pi}{3}\right)}
\]

Let me know if you have any other questions.""",
        "\\left(2, \\frac{\\pi}{3}\\right)",
    ),
    (
        "at the end of a chain of equations",
        r"""Therefore,
$$P \approx 1.2 \times 10^{3} \text{ W} \times 10^7 \text{ erg/J} \approx \boxed{1.2 \times 10^{10} \text{ erg/s}}$$""",
        "1.2 \\times 10^{10} \\text{ erg/s}",
    ),
    (
        "at the end of an aligned chain",
        r"""\begin{align*}
(2+3i)(1-i) &= 2 - 2i + 3i - 3i^2 \\
&= \boxed{5 + i}.
\end{align*}""",
        "5 + i",
    ),
    (
        "in an environment below the phrase",
        r"""</think>
\begin{equation}
\left\lceil -2.25 \right\rceil = -2
\end{equation}
Therefore, the answer is -2.
\begin{equation}
\boxed{-2}
\end{equation}""",
        "-2",
    ),
    ("as the right side of an equation", "Therefore, $7^{20} \\bmod 13 = \\boxed{3}$.", "3"),
    (
        "with the whole equation",
        "Therefore, $\\boxed{\\cos \\angle ABC = \\frac{7}{25}}$.",
        "\\cos \\angle ABC = \\frac{7}{25}",
    ),
    ("numbers behind the box", "**Answer:** \\boxed{9} guests would pay for a room that costs $150.", "9"),
    ("a noun behind the box", "**Answer:** \\boxed{135} committees.", "135"),
    (
        "a clause behind the box",
        r"""The only such functions are of the form

$\boxed{f(n) = c \cdot 3^{n}}$,

where $c = 0$ or $c = 2$, and $n$ is any positive integer.""",
        "f(n) = c \\cdot 3^{n}",
    ),
    (
        "math behind the box",
        r"The height is $\boxed{\frac{12}{5}}$, since the area is $6$ and the base is $5$.",
        "\\frac{12}{5}",
    ),
    (
        "an explanation behind the box",
        " $\\boxed{1001}$. Please explain the thought process.\nAlright, so I have 7 times 11 times 13 here. Maybe 91 helps?",
        "1001",
    ),
    (
        "the same box twice, a heading between",
        "so the count must be\\boxed{640}.,let me write it down well.\n\n**Final Answer**\n\\boxed{640}",
        "640",
    ),
    (
        "the same box three times",
        r"""the answer should be \boxed{012}.

But let me check: the last three digits of 7,012 are 012. So, \boxed{012} is right.

**Final Answer**
\boxed{012}""",
        "012",
    ),
    (
        "steps boxed, then the result",
        r"""First, $5^{-1} \equiv \boxed{9} \pmod{11}$. Then $8 \cdot 9 = 72$.

Therefore, the answer is $\boxed{6}$.""",
        "6",
    ),
    (
        "retracted for another box",
        r"""So the sum is \boxed{30}.

Wait, I counted the vertex twice. It is \boxed{29}.""",
        "29",
    ),
    ("two boxes that are one answer", "The roots are $\\boxed{-3}$ and $\\boxed{8}$.", "-3, 8"),
    ("two boxes with a comma", "\\boxed{\\frac{1}{2}}, \\boxed{\\frac{1}{3}}", "\\frac{1}{2}, \\frac{1}{3}"),
    ("three boxes in a display", "\\[ \\boxed{2}, \\boxed{3}, \\text{ and } \\boxed{5} \\]", "2, 3, 5"),
    ("code, output, then a box", "```output\n[7]\n```\nThe root of \\(3x = 21\\) is \\(\\boxed{7}\\).", "7"),
    (
        "a box, then code that checks it",
        r"""The value of \(n\) is \(\boxed{-3}\).

```python
n = -12 / 4
print(n)
```""",
        "-3",
    ),
    ("an empty box to be filled, then the answer", "I put it into \\boxed{}. So 4 + 5 = \\boxed{9}.", "9"),
    ("dots to be filled, then the answer", "The form is \\boxed{...}.\n\nThe answer is $\\boxed{13}$.", "13"),
    ("closed, then a second one cut", "So \\boxed{20} cups.\nTherefore, the answer is \\(\\boxed{20", "20"),
    (
        "a letter with its text",
        r"The closest option is $\boxed{\text{(C) } 45}$.",
        "\\text{(C) } 45",
    ),
    ("a box in bold", "**Therefore, the width is  \\boxed{8.5 \\text{ m}}. **", "8.5 \\text{ m}"),
    (
        "a box in a list item",
        "* $\\theta = \\boxed{\\arcsin\\left(\\frac{2}{3}\\right)}$ \n\n\nAnything else?",
        "\\arcsin\\left(\\frac{2}{3}\\right)",
    ),
    ("an fbox", "Hence $\\fbox{14}$.", "14"),
    ("a box in the reasoning of JSON", '{\n "reasoning": "so $8 + 3 = \\\\boxed{11}$.",\n "answer": "11"\n}', "11"),
]

WORKED_FORMULAS: list[Row] = [
    (
        "headings, a box, then a remark with formulas",
        r"""### Step 1: Set up
Let the sides be $a$ and $b$ with $a + b = 17$ and $ab = 60$.

### Step 2: Solve
$$t^2 - 17t + 60 = 0 \implies t = 5 \text{ or } t = 12.$$

### Answer
$$\boxed{13}$$

*Remark.* The diagonal is $\sqrt{5^2 + 12^2} = \sqrt{169}$.""",
        "13",
    ),
    (
        "doubts, a first box withdrawn, a second one",
        r"""The slope is $\frac{6}{4}$, so we get $y = \frac{3}{2}x + 1$.

\[ \boxed{y = \frac{3}{2}x + 1} \]

Wait. Through $(2, 1)$ it must be $1 = 3 + c$, hence $c = -2$.

\[ \boxed{y = \frac{3}{2}x - 2} \]""",
        "y = \\frac{3}{2}x - 2",
    ),
    (
        "an aligned chain, then the line",
        r"""\begin{align*}
\sum_{k=1}^{9} (2k + 1) &= 2 \cdot 45 + 9 \\
&= 90 + 9 \\
&= 99
\end{align*}

Answer: $99$""",
        "99",
    ),
    (
        "cases by cases, then a set",
        r"""**Case 1:** $x > 0$. Then $x^2 = 9$, so $x = 3$.

**Case 2:** $x \leq 0$. Then $-x^2 = 9$, which has no real root.

**Answer:** $\{3\}$""",
        "\\{3\\}",
    ),
    (
        "a numbered list with a box in its last item",
        r"""1. Expand: $(x - 2)(x + 5) = x^2 + 3x - 10$.
2. Differentiate: $2x + 3$.
3. At $x = 4$ this gives $2 \cdot 4 + 3 = \boxed{11}$.""",
        "11",
    ),
    (
        "no box: the last paragraph states it",
        r"""We have $\binom{9}{2} = 36$ pairs, of which $6$ are neighbours.

Therefore, the probability is $\frac{6}{36} = \frac{1}{6}$.""",
        "\\frac{6}{36} = \\frac{1}{6}",
    ),
    (
        "a chain of equations in the line",
        r"""Answer: $f(3) = 9 + 6 - 1 = 14$""",
        "f(3) = 9 + 6 - 1 = 14",
    ),
    (
        "a check behind the box",
        r"""So the smallest such number is $\boxed{38}$.

Check: $38 = 4 \cdot 9 + 2 = 5 \cdot 7 + 3$. Both remainders fit. $\checkmark$""",
        "38",
    ),
    (
        "a table, then a box in bold",
        r"""| $n$ | $2^n \bmod 7$ |
|---|---|
| 1 | 2 |
| 2 | 4 |
| 3 | 1 |

**The period is $\boxed{3}$.**""",
        "3",
    ),
    (
        "code, an error, then a box",
        r"""```python
print(solve(x**2 - 8))
```
```output
NameError: name 'solve' is not defined
```
By hand, $x^2 = 8$ gives \( x = \pm 2\sqrt{2} \).

The positive root is
\[
\boxed{2\sqrt{2}}
\]""",
        "2\\sqrt{2}",
    ),
    (
        "a thought with other boxes, then the answer",
        r"""<think>
Could it be $\boxed{8}$? For $n = 8$ we have $64 - 8 = 56$, so no. $\boxed{9}$ then: $81 - 9 = 72$. Yes.
</think>

We need $n^2 - n = 72$, so $n = 9$.

Answer: $\boxed{9}$""",
        "9",
    ),
    (
        "double backslashes, as of a string in code",
        r"""The area is half of that.

Answer: \\boxed{12}""",
        "12",
    ),
    (
        "double backslashes in math, as of a string in code",
        r"""So the side is $\\boxed{25}$ long.""",
        "25",
    ),
    (
        "double backslashes between the lines of a display",
        r"""\[ x + y = 7 \\ x - y = 1 \\ \boxed{x = 4, y = 3} \]""",
        "x = 4, y = 3",
    ),
    (
        "the answer first, then the solution with the same box",
        r"""$\boxed{\frac{3}{8}}$

**Explanation.** Of the $2^3 = 8$ outcomes $3$ have one head, so the probability is $\boxed{\frac{3}{8}}$.""",
        "\\frac{3}{8}",
    ),
    (
        "a value for each unknown, one asked for in the box",
        r"""Solving gives $p = 4$, $q = -1$ and $r = 6$.

The sum that is asked for is therefore $p + q + r = \boxed{9}$.""",
        "9",
    ),
    (
        "bold value below a heading",
        r"""## Solution
The angles add up to $180^\circ$, so the third is $180^\circ - 115^\circ$.

## Final Answer

**$65^\circ$**""",
        "65^\\circ",
    ),
    (
        "withdrawn without another answer",
        r"""So we get [x : x > 3 and x < 2]. Hmm, that is impossible. Wait, let me start over.""",
        None,
    ),
]

SAID: list[Row] = [
    # The contract's line.
    ("line with math", "We complete the square.\n\nAnswer: $\\frac{5}{2}$", "\\frac{5}{2}"),
    ("line with a box", "Answer: $\\boxed{x^2 + 4}$", "x^2 + 4"),
    ("line with a display below", "Answer:\n\\[\n\\frac{9}{16}\n\\]", "\\frac{9}{16}"),
    ("line, bold, with a box below", "* t = 36.9 degrees\n\n**Answer:**\n\n\\boxed{36.9^{\\circ}}", "36.9^{\\circ}"),
    ("line, bold, with display dollars below", "**Answer:**\n\n$$\\boxed{(3, 4)}$$", "(3, 4)"),
    ("line, bold, two spaces", "**Final Answer:**  \\boxed{1.0}", "1.0"),
    ("line, unit behind the box", "**Final answer:**  \\boxed{5310} Å", "5310"),
    ("line, a list in a box", "**Answer:** $\\boxed{0,4}$", "0,4"),
    ("line, plain list", "Answer: 1, 4, 9", "1, 4, 9"),
    ("line, plain root", "Answer: 4√3", "4√3"),
    ("line, code's notation", "Answer: 24 + sqrt(19)", "24 + sqrt(19)"),
    ("line, plain fraction", "Answer: 11/30", "11/30"),
    ("line, plain words", "Answer: infinitely many", "infinitely many"),
    ("line, a name", "Answer: Nora", "Nora"),
    ("line, degrees", "Answer: 120°", "120°"),
    ("line, thousands", "Answer: 1,250", "1,250"),
    ("line, a unit", "Answer: 12 square feet", "12 square feet"),
    ("line, an expression", "Answer: 3x^2 - 2x + 7", "3x^2 - 2x + 7"),
    ("line, a full stop", "Answer: $2\\pi$.", "2\\pi"),
    ("line, no box but bold", "**Answer: $6\\sqrt{2}$**", "6\\sqrt{2}"),
    ("line, bold value", "Answer: **17**", "17"),
    ("line, a sentence with math", "Answer: The value of $x$ is $9$.", "9"),
    ("line, a sentence with a number", "Answer: The perimeter of the figure is 34.", "34"),
    ("line, a set", "Answer: $\\{1, 2, 4\\}$", "\\{1, 2, 4\\}"),
    ("line, an equation", "Answer: $y = 2x - 3$", "y = 2x - 3"),
    ("line, a reason behind", "Answer: $\\sqrt{13}$, because $4 + 9 = 13$", "\\sqrt{13}"),
    (
        "line, text below",
        "Answer: $\\frac{3}{8}$\n\nThe total of 8 draws has 3 good ones, see $3 + 5 = 8$.",
        "\\frac{3}{8}",
    ),
    ("line, retracted", "Answer: $12$\n\nNo, the sign was wrong.\n\nAnswer: $-12$", "-12"),
    ("heading with a hash", "So a pen costs 31 cents.\n\n# Answer\n\n31", "31"),
    ("heading with a hash, a list", "$a=7$, $b=2$, $c=1$\n\n# Answer\n\n7, 2, 1", "7, 2, 1"),
    ("heading, then a sentence with a box", "**5. Final Answer**\n\nThere are $\\boxed{36}$ pairs.", "36"),
    ("check mark and bold", "✅ Consistent!\n\n--- \n\n✅ Final Answer: **58**", "58"),
    # Phrases.
    ("phrase, math", "Hence the answer is $\\frac{7}{12}$.", "\\frac{7}{12}"),
    ("phrase, math, no full stop", "Thus the answer is $x+1$", "x+1"),
    ("phrase, inline math", "So the final answer is \\(p - 2q\\).", "p - 2q"),
    (
        "phrase, display below",
        "The answer is:\n\\[\\left(5, \\frac{\\pi}{4}\\right)\\]",
        "\\left(5, \\frac{\\pi}{4}\\right)",
    ),
    ("phrase, plain number", "There are $6 \\cdot 8$ ways, so the answer is 48.", "48"),
    ("phrase, degrees", "So the answer is $144^\\circ$.", "144^\\circ"),
    (
        "phrase with hope",
        "Final Answer: The final answer is $\\frac{2}{9}$. I hope it is correct.",
        "\\frac{2}{9}",
    ),
    (
        "phrase with hope glued on",
        "Final Answer: The final answer is $\\frac{2}{9}$I hope it is correct.",
        "\\frac{2}{9}",
    ),
    ("phrase with hope, plain", "Final Answer: The final answer is 140. I hope it is correct.", "140"),
    ("phrase with hope, two spaces", "The final answer is $4x^3$.  I hope it is correct.", "4x^3"),
    (
        "phrase with hope, then the next problem",
        r"""Final Answer: The final answer is $21$. I hope it is correct.

Problem:
Find $x$ if $2x = 9$.

Solution:
Final Answer: The final answer is $\frac{9}{2}$. I hope it is correct.""",
        "21",
    ),
    ("hashes, math", "#### $\\frac{3}{7}$", "\\frac{3}{7}"),
    ("hashes, plain", "We get 5 + 6.\n\n#### 11", "11"),
]

TAGS: list[Row] = [
    ("tags", "C(9,2) = 36. </think> <answer>36</answer>", "36"),
    ("tags with spaces", "... as shown. </think> <answer> 10 </answer>", "10"),
    ("tags with math", "so it is.</think> <answer> $\\dfrac{1+\\sqrt{5}}{2}$ </answer>", "\\dfrac{1+\\sqrt{5}}{2}"),
    ("tags with a box", "hence.</think> <answer>$\\boxed{\\frac16}$</answer>", "\\frac16"),
    ("tags with a bare command", "so $x = \\boxed{60^\\circ}$ </think> <answer> 60^\\circ </answer>", "60^\\circ"),
    ("tags with a unit", "perimeter = 5×8 inches </think> <answer> 40 inches </answer>", "40 inches"),
    ("tags with a phrase", "<answer> Therefore, the answer is $m - n$. </answer>", "m - n"),
    ("tags with a plain phrase", "</think> <answer> The answer is 15 </answer>", "15"),
    ("tags with a sentence", "</think> <answer>The largest angle is 110 degrees </answer>", "110"),
    ("tags with a sentence and math", "</think>\n<answer> The units digit is $\\boxed{6}$. </answer>", "6"),
    ("tags with a sentence and money", "</think>\n<answer> The cap costs $\\$16$.</answer>", "\\$16"),
    ("tags behind a new speaker", "I think so …</think>\nAssistant: They add up to 9.\n\n<answer>9</answer>", "9"),
    ("tags, then talk", "<answer>$48$</answer>\nThe tag holds the value that was asked for, 48 of 60.", "48"),
    ("an opening tag alone", "so the area is $9\\pi$.\n<answer> The area is $\\boxed{9\\pi}$.", "9\\pi"),
    ("JSON", '",\n    "answer": "15"\n}\n```', "15"),
    ("JSON, plain root", '{"reasoning": "see above", "answer": "18 + sqrt(77)"}', "18 + sqrt(77)"),
    ("JSON, root in Unicode", '{"reasoning": "27 - 3(3√5)", "answer": "27 - 9√5"}', "27 - 9√5"),
    ("JSON, negative", '```json\n{\n "reasoning": "a + d = -5",\n "answer": "-5"\n}\n```', "-5"),
    (
        "JSON, then an explanation",
        '{"answer": "42"}\n```\n\n**Explanation:** $6 \\cdot 7 = 42$, not $6 + 7 = 13$.',
        "42",
    ),
]

PLAIN: list[Row] = [
    # Nothing but a number or a formula.
    ("number", " 30.", "30"),
    ("number, end of a thought", " 100\n</think>", "100"),
    ("decimal", " 2.6", "2.6"),
    ("unit", " 5 coins.", "5 coins"),
    ("equation in dollars", " $x=640$.", "x=640"),
    ("formula in a display", "\\[ \\frac{n(n+1)}{2} \\]", "\\frac{n(n+1)}{2}"),
    ("plain equation", "x = 6", "x = 6"),
    # The last sentence gives it.
    ("sentence with a number", " Irma is 38 years old.", "38"),
    ("sentence with a variable and a number", " The value of $t$ is 7.", "7"),
    ("sentence with a unit", " The area of the kite is 15 square units.\n</think>", "15"),
    ("sentence with math", "Adding both,\n\nwe find that the sum is $\\frac{7}{10}$.", "\\frac{7}{10}"),
    ("sentence with money", "This gives $2p=0.84$. So $p=0.42$.\nSo a ruler costs $0.42.", "0.42"),
    ("sentence in bold", "Thus, the number of guests who own all 3 is **61**.", "61"),
    ("result is", " The result is 5432.\n</think>", "5432"),
    ("there are", "The primes are 23, 29 and 31. Therefore, there are 3 primes between 20 and 35.", "3"),
    ("last line is an equation", "Dividing by $2$:\n$2r=\\frac{4}{9}$\nso that $r=\\frac{2}{9}$", "r=\\frac{2}{9}"),
    ("a base", "Assistant: The quotient $312_5 \\div 2_5$ in base 5 is $131_5$.", "131_5"),
    (
        "a loop, broken off",
        " 1812. So, the answer to the question is 1812. So, the answer to the question is 181",
        "1812",
    ),
]

DOUBTFUL: list[Row] = [
    # No answer, or none any more.
    ("dots in the box", " \\boxed{...}.", None),
    ("a question mark in the box", " \\boxed{?}", None),
    ("empty boxes only", "Put it within \\boxed{}. \\boxed{}. \\boxed{}. \\boxed{}.", None),
    ("the placeholder in the box", "Answer: \\boxed{<answer>}", None),
    ("the placeholder in tags", "<answer>answer here</answer>", None),
    ("a blank to fill in", " _____________\n</think>", None),
    ("a box that was cut", " \\boxed{100000000000", None),
    ("a fraction in a box that was cut", "So the ratio is $\\boxed{\\frac{12}{", None),
    ("a refusal", "I'm sorry, but I can't solve this problem.", None),
    ("an apology", "Sorry, I do not know the answer.", None),
    (
        "advice instead of an answer",
        "You can now solve for the angle. Let me know if you'd like me to do the calculation!",
        None,
    ),
    (
        "the prompt's instruction repeated",
        "Put your final answer within \\boxed{}.\n\na) We begin with the definition, and",
        None,
    ),
    ("cut behind 'and'", "The terms are $a_1 = 3$, $a_2 = 7$ and", None),
    (
        "cut in display math",
        "Hence both sums together are\n\\[\n\\sum_{k=3}^\\infty \\left( \\frac{5}{k} - \\frac{2}{",
        None,
    ),
    ("only a question", "What is the value of the function at the point that was given?", None),
    ("a thought left open", "<think>\nSo maybe $\\boxed{9}$, but", None),
]

MULTILINGUAL: list[Row] = [
    ("Chinese, a box", "所以，最终答案是 $\\boxed{\\frac{5}{8}}$。", "\\frac{5}{8}"),
    ("Chinese, no box", "因此，答案是 $12$。", "12"),
    ("Japanese, a box in a display", "### 結論：\n\n$$\n\\boxed{2\\sqrt{6}}\n$$", "2\\sqrt{6}"),
    ("Spanish, a box", "Por lo tanto, la respuesta es $\\boxed{45^\\circ}$.", "45^\\circ"),
    ("German, a box and a unit", "Die Fläche beträgt $\\boxed{24}$ cm².", "24"),
    ("Russian, a line", "Ответ: $\\frac{1}{3}$", "\\frac{1}{3}"),
    ("full-width colon", "Answer：$\\frac{1}{3}$", "\\frac{1}{3}"),
    ("zero-width space in the line", "Answer:\u200b $x^2$\u200b", "x^2"),
]

INVENTED: list[Row] = [
    (
        "question and answer, as in the prompt",
        r"""The sum is $\boxed{14}$.

Question: What is $3 \cdot 9$?
Answer: $\boxed{27}$""",
        "14",
    ),
    (
        "problem and solution",
        r"""Answer: $\frac{2}{3}$

Problem: Find the root of $2x = 10$.
Solution: $x = \boxed{5}$""",
        "\\frac{2}{3}",
    ),
    (
        "numbered problems",
        r"""So $\boxed{(1, 2)}$.

**Problem 4:** What is $7^2$?

**Solution:** $\boxed{49}$""",
        "(1, 2)",
    ),
    ("end of turn", "Thus \\boxed{9}.<|im_end|>\n<|im_start|>user\nAnd now?<|im_end|>\n\\boxed{10}", "9"),
    ("end of text", "The answer is $8$.<|endoftext|>The answer is $9$.", "8"),
    ("a user's turn", "The answer is \\boxed{21}.\n\nUser: And for n = 8?\n\nAssistant: \\boxed{28}", "21"),
]

FORMULAS: list[Row] = [
    *((f"box: {reason}", text, answer) for reason, text, answer in BOXED),
    *((f"box in text: {reason}", text, answer) for reason, text, answer in BOXES_IN_TEXT),
    *((f"worked: {reason}", text, answer) for reason, text, answer in WORKED_FORMULAS),
    *((f"said: {reason}", text, answer) for reason, text, answer in SAID),
    *((f"tags: {reason}", text, answer) for reason, text, answer in TAGS),
    *((f"plain: {reason}", text, answer) for reason, text, answer in PLAIN),
    *((f"doubtful: {reason}", text, answer) for reason, text, answer in DOUBTFUL),
    *((f"language: {reason}", text, answer) for reason, text, answer in MULTILINGUAL),
    *((f"run-on: {reason}", text, answer) for reason, text, answer in INVENTED),
]

# --- cut at the token budget --------------------------------------------------------------------------------------

CUT_NUMBERS: list[Row] = [
    ("in a product", "Each of the 6 nets holds 15 balls. So 6 * 15", None),
    ("behind a result of a step", "1. Rent: 4 * $900 = $3600\n2. Food: 4 * $350 = $1400", None),
    ("in a number", "The rooms have 40 + 35 = 7", None),
    ("at a heading", "1. **Cost:** \\( 90 + 45 = 135 \\)\n\n2. **Find what was paid back:**", None),
    ("in a sentence with a number", "They have 12 goats. The fence of 60 metres", None),
    ("in the loop of a step", "3 * 3 = 9 red tiles. 3 * 4 = 12 blue tiles. " * 6 + "3 * 3 = 9 red", None),
    ("in the answer's own line", "So it is 45 + 75.\n\nAnswer: 12", None),
    ("in the answer's box", "So it is 45 + 75.\n\n\\boxed{12", None),
    ("in the heading of the answer", "So it is 120.\n\n**Final", None),
    ("in a thought", "<think>\nThey buy 4 tents for 30 each, which is 120. Answer: 120? But", None),
    (
        "in an answer tag that repeats the steps",
        "<answer>\nThe cost can be found as follows:\n1. It starts at $30.00.\n2. The",
        None,
    ),
    ("behind the answer, in a check", "Answer: 120\n\nTo check, 120 - 75 = 4", "120"),
    ("behind the answer, in the next question", "#### 64\n\nQuestion: Jo has 14 pens and", "64"),
    ("behind a phrase", "The answer is 33. This is because 3 * 1", "33"),
    ("behind a box", "Hence $\\boxed{18}$ litres. To see it in another way, 9", "18"),
    ("in the loop of an answer", "The answer is 250. " * 9 + "The answer is 25", "250"),
]

CUT_FORMULAS: list[Row] = [
    ("in a chain of equations", "We have $x = 3$ and so $x^2 + 1 = 10", None),
    ("behind a formula of a step", "We have $x = 3$, $y = 4$ and therefore $x + y = 7$. Then", None),
    ("in a display", "So\n\\[\n\\frac{12}{5} = \\frac{", None),
    ("in a box", "So the area is $\\boxed{\\frac{1}{2}", None),
    ("in the answer's line", "Answer: $\\frac{3}{4", None),
    ("in digits without an end", " 1" + "0" * 300, None),
    ("in a thought", "<think>\nIf it were $\\boxed{5}$, then $x = 5$. Hmm", None),
    ("behind a box", "So the area is $\\boxed{\\frac{1}{2}}$. To check this, let $x", "\\frac{1}{2}"),
    ("behind the answer's line", "Answer: $\\frac{3}{4}$\n\nHere $3$ of the $4$", "\\frac{3}{4}"),
    ("in the loop of a box", "\\boxed{8}\n" * 9 + "\\boxed{", "8"),
]

# --- tests --------------------------------------------------------------------------------------------------------

Case = tuple[str, AnswerType, str, str | None]

CASES: list[Case] = [
    *((f"number: {reason}", NUMBER, text, answer) for reason, text, answer in NUMBERS),
    *((f"latex: {reason}", LATEX, text, answer) for reason, text, answer in FORMULAS),
]
CUT: list[Case] = [
    *((f"number: {reason}", NUMBER, text, answer) for reason, text, answer in CUT_NUMBERS),
    *((f"latex: {reason}", LATEX, text, answer) for reason, text, answer in CUT_FORMULAS),
]


def params(cases: list[Case]) -> list[object]:
    return [pytest.param(*case[1:], id=case[0]) for case in cases]


each_case = pytest.mark.parametrize(("kind", "text", "answer"), params(CASES))


def test_the_corpus_is_one() -> None:
    """Enough rows, no two of one name or of one text, and enough of more than one line."""
    assert len(NUMBERS) >= 170
    assert len(FORMULAS) >= 130
    for cases in (CASES, CUT):
        assert len({case[0] for case in cases}) == len(cases)
        assert len({case[1:3] for case in cases}) == len(cases)
    assert sum("\n" in case[2].strip() for case in CASES) >= 250


@each_case
def test_reading(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, kind)
    assert found.answer == answer, found


@each_case
def test_line_ends_change_nothing(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text.replace("\n", "\r\n"), kind)
    assert (found.answer and found.answer.replace("\r", "")) == answer, found


@pytest.mark.parametrize(("kind", "text", "answer"), params(CUT))
def test_reading_of_what_was_cut(kind: AnswerType, text: str, answer: str | None) -> None:
    found = extract(text, kind, truncated=True)
    assert found.answer == answer, found


@each_case
def test_a_cut_behind_an_explicit_answer_changes_nothing(kind: AnswerType, text: str, answer: str | None) -> None:
    whole, cut = extract(text, kind), extract(text, kind, truncated=True)
    assert cut.rule not in VAGUE
    if whole.rule in EXPLICIT and whole.span and whole.span[1] < len(text):
        assert cut == whole
