"""The formulas of FOLIO and the sentences of ProofWriter, decided: as their labels say, but for those whose
annotation is wrong. These are named one by one in `cases/plans/annotations.yaml`, and that they are wrong is shown
without z3."""

import folio
import pandas
import proofwriter
import pytest
import worlds
from cases import load

from cotbench.plans import solve_plan

pytestmark = pytest.mark.data
pytest.importorskip("z3", reason="plans in first-order logic need z3-solver")

NAMED = load("plans/annotations")
SAMPLE = 5  # every fifth row of ProofWriter, where not all are asked for


def why(group):
    return {row if isinstance(row, str) else row[0] for row in NAMED[group]}


@pytest.fixture(scope="module")
def folio_rows(data_dir):
    return pandas.read_parquet(next((data_dir / "yale-nlp/FOLIO/data").glob("validation*.parquet"))).to_dict("records")


@pytest.fixture(scope="module")
def proofwriter_rows(data_dir):
    rows = pandas.read_parquet(next((data_dir / "renma/ProofWriter/data").glob("test*.parquet"))).to_dict("records")
    return [
        (row["id"], row["context"], row["question"].split("unknown? ")[1], "ABC".index(row["answer"])) for row in rows
    ]


@pytest.fixture(scope="module")
def decided(folio_rows):
    words = ("True", "False", "Uncertain")
    plans = {str(row["example_id"]): (row["premises-FOL"], row["conclusion-FOL"]) for row in folio_rows}
    return {name: solve_plan(folio.plan_of(*formulas), words) for name, formulas in plans.items()}


def test_formulas_of_folio_are_decided_as_their_labels_say(folio_rows, decided):
    named = set().union(*(why(group) for group in NAMED if group.startswith("folio")))
    labels = {str(row["example_id"]): row["label"] for row in folio_rows}
    asked = labels.keys() - named
    assert {name for name in asked if not decided[name].shown or decided[name].shown.value != labels[name]} == set()
    assert (len(labels), len(asked)) == (203, 154)


def test_no_formula_of_folio_is_left_out_that_is_decided_as_its_label_says(folio_rows, decided):
    named = set().union(*(why(group) for group in NAMED if group.startswith("folio")))
    for row in folio_rows:
        solution = decided[str(row["example_id"])]
        if str(row["example_id"]) in named:
            assert solution.shown is None or solution.shown.value != row["label"]


@pytest.mark.patient
def test_what_folio_leaves_open_is_true_in_one_world_and_false_in_another(folio_rows, decided):
    for row in folio_rows:
        name = str(row["example_id"])
        if name in why("folio left open"):
            assert decided[name].shown.value == "Uncertain"
            premises, conclusion = _read(row)
            assert any(worlds.both_ways(premises, conclusion, more) for more in (0, 1, 2)), name


def test_what_folio_settles_otherwise_has_no_small_world_that_its_label_needs(folio_rows, decided):
    for row in folio_rows:
        name = str(row["example_id"])
        if name in why("folio settled otherwise"):
            assert (row["label"], decided[name].shown.value) == ("False", "True")
            premises, conclusion = _read(row)
            assert worlds.has_world([*premises, conclusion])
            assert not any(worlds.has_world([*premises, worlds.negated(conclusion)], more) for more in (0, 1))


def test_premises_of_folio_that_contradict_each_other_are_said_to(folio_rows, decided):
    for name in why("folio contradictory"):
        assert (decided[name].outcome, decided[name].error) == ("unsolved", "contradictory premises")
    for name in why("folio unread"):
        assert decided[name].outcome == "plan_invalid"
        assert "nothing binds" in decided[name].error


def _read(row):
    premises = [worlds.read(formula) for formula in folio.formulas_of(row["premises-FOL"])]
    return premises, worlds.read(folio.formula_of(row["conclusion-FOL"]))


def _decide(rows):
    words = ("True", "False", "Unknown")
    return {
        name: (solve_plan(proofwriter.plan_of(context, statement), words), words[label])
        for name, context, statement, label in rows
    }


def _check_proofwriter(rows):
    named = why("proofwriter forward only") | why("proofwriter contradictory")
    found = _decide(rows)
    wrong = {name for name, (solution, label) in found.items() if not solution.shown or solution.shown.value != label}
    assert wrong == named & found.keys()


def test_sentences_of_proofwriter_are_decided_as_their_labels_say(proofwriter_rows):
    _check_proofwriter(proofwriter_rows[::SAMPLE])


@pytest.mark.patient
def test_all_sentences_of_proofwriter_are_decided_as_their_labels_say(proofwriter_rows):
    assert len(proofwriter_rows) == 600
    _check_proofwriter(proofwriter_rows)


def test_what_proofwriter_calls_unknown_follows_where_it_is_said_to(proofwriter_rows):
    rows = [row for row in proofwriter_rows if row[0] in why("proofwriter forward only")]
    assert len(rows) == len(why("proofwriter forward only"))
    for name, context, statement, label in rows:
        assert label == 2, name
        # Its rules name no other things, so that a world of the named ones decides.
        premises = [worlds.read(formula) for formula in proofwriter.formulas_of(context)]
        conclusion = worlds.read(proofwriter.sentence(statement))
        may_be = [worlds.has_world([*premises, one]) for one in (conclusion, worlds.negated(conclusion))]
        [(solution, _)] = _decide([(name, context, statement, label)]).values()
        assert solution.shown.value == {(True, False): "True", (False, True): "False"}[tuple(may_be)], name


def test_premises_of_proofwriter_that_contradict_each_other_are_said_to(proofwriter_rows):
    for name, context, statement, label in proofwriter_rows:
        if name in why("proofwriter contradictory"):
            assert not worlds.has_world([worlds.read(formula) for formula in proofwriter.formulas_of(context)])
            [(solution, _)] = _decide([(name, context, statement, label)]).values()
            assert solution.error == "contradictory premises"
