"""Whether the schema of experiments' files takes what the reader takes, by a validator of others."""

from __future__ import annotations

import pytest
import yaml
from test_experiments import SAME

from cotbench.runs.experiment_schema import schema
from cotbench.runs.experiment_values import FIELDS, KEYS

jsonschema = pytest.importorskip("jsonschema")


def test_the_schema_takes_what_is_read_and_names_what_isnt() -> None:
    check = jsonschema.Draft7Validator(schema())
    for field, (_, text) in SAME.items():
        key = next(key for key in KEYS if FIELDS[key] == field)
        value = yaml.safe_load(text)
        if field == "thinking" or field == "reuse":
            value = text  # YAML 1.2, as editors have it
        assert [error.message for error in check.iter_errors({"models": ["m"], key: value})] == [], key
    for wrong in ({"limt": 3}, {"models": [{"engine": "stub"}]}, {"seeds": "x"}, {"trust-remote-code": True}):
        assert list(check.iter_errors(wrong))
