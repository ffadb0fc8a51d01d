"""A user's file of prices: what it may say, what a model costs by it, and what is said of one that can't be read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from cotbench.analysis.prices import HourPrice, Prices, TokenPrice, money, read_prices
from cotbench.errors import DataError, UsageError

FILE = """
currency: EUR
models:
  org/small: {in: 0.15, cached: 0.075, out: 0.60}
  large: {in: 3, out: 15}
  "org/*": {gpu_hour: 2.50, gpus: 4}
  "org/sm*": {gpu_hour: 1e0}
default: {in: 1e-1, out: 2}
"""


def written(folder: Path, text: str, name: str = "prices.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_name_goes_before_a_pattern_and_a_long_pattern_before_a_short_one(tmp_path: Path) -> None:
    prices = read_prices(written(tmp_path, FILE))
    assert prices.currency == "EUR"
    assert prices.of("org/small") == TokenPrice(prompt=0.15, cached=0.075, completion=0.60)
    assert prices.of("org/large") == TokenPrice(prompt=3, cached=3, completion=15)
    assert prices.of("org/smallest") == HourPrice(hour=1.0)
    assert prices.of("org/other") == HourPrice(hour=2.5, gpus=4)
    assert prices.of("nobody's") == TokenPrice(prompt=0.1, cached=0.1, completion=2)
    assert Prices(currency="USD", models={"a": HourPrice(hour=1)}).of("b") is None


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    rows = {"currency": "USD", "models": {"m": {"in": 1e-6, "out": 2}}, "default": {"gpu_hour": 2, "gpus": 8}}
    text = json.dumps(rows, indent="\t")
    assert read_prices(written(tmp_path, text, "p.json")) == read_prices(written(tmp_path, text.replace("\t", " ")))


def test_one_price_by_itself_is_of_all_models(tmp_path: Path) -> None:
    prices = read_prices(written(tmp_path, "{gpu_hour: 2.5, gpus: 4}"))
    assert (prices.currency, prices.of("m")) == ("USD", HourPrice(hour=2.5, gpus=4))
    assert read_prices(written(tmp_path, "{currency: EUR, in: 1, out: 2}")).of("m") == TokenPrice(
        prompt=1, cached=1, completion=2
    )
    with pytest.raises(UsageError, match="has in beside models"):
        read_prices(written(tmp_path, "in: 1\nmodels: {a: {in: 1, out: 2}}"))


@pytest.mark.parametrize("amount", ["1e308", "1.0e+308", "1" + "0" * 400])
def test_amounts_whose_sums_no_float_holds_are_refused(amount: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="expected a number from 0 to 1e"):
        read_prices(written(tmp_path, f"models: {{m: {{in: {amount}, out: 1}}}}"))


def test_tokens_cost_what_their_kind_does() -> None:
    price = TokenPrice(prompt=1.0, cached=0.1, completion=10.0)
    assert money(price, prompt=1000, cached=400, completion=50) == pytest.approx((600 + 40 + 500) / 1e6)
    # More cached than there were is no discount.
    assert money(price, prompt=100, cached=400, completion=0) == pytest.approx(10 / 1e6)
    several = money(price, prompt=np.array([1000.0, np.nan]), cached=0.0, completion=np.array([0.0, 1.0]))
    assert isinstance(several, np.ndarray)
    assert several[0] == pytest.approx(1e-3)
    assert np.isnan(several[1])


def test_hours_cost_by_the_gpu() -> None:
    assert money(HourPrice(hour=2.5, gpus=4), busy_s=1800) == pytest.approx(5.0)
    assert money(HourPrice(hour=2.5), busy_s=1800, gpus=2) == pytest.approx(2.5)
    assert money(HourPrice(hour=2.5), prompt=10, completion=10) is None


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "found nothing, expected a mapping"),
        ("[1]", "found a list"),
        ("currency: USD", "no price"),
        ("model: {a: {in: 1, out: 2}}", "unknown key 'model'"),
        ("models: [a]", "models is a list"),
        ("models: {a: 3}", "models.a: found a number"),
        ("models: {a: {in: 1}}", "models.a lacks out"),
        ("models: {a: {}}", "models.a lacks in and out"),
        ("models: {a: {in: -1, out: 2}}", "models.a.in is -1"),
        ("models: {a: {in: free, out: 2}}", "models.a.in is 'free'"),
        ("models: {a: {in: .nan, out: 2}}", "models.a.in is nan"),
        ("models: {a: {in: true, out: 2}}", "models.a.in is True"),
        ("models: {a: {in: 1, out: 2, cache: 1}}", "unknown key 'cache'"),
        ("models: {a: {in: 1, out: 2, gpu_hour: 1}}", "both in and gpu_hour"),
        ("models: {a: {gpus: 2}}", "models.a lacks gpu_hour"),
        ("models: {a: {gpu_hour: 2, gpus: 0}}", "models.a.gpus is 0"),
        ("models: {a: {gpu_hour: 2, gpus: 1.5}}", "models.a.gpus is 1.5"),
        ("currency: 3\ndefault: {in: 1, out: 1}", "currency is 3"),
        ("default: {in: 1, out: 1}\ndefault: {in: 2, out: 1}", "'default' stands there twice"),
        ("models: {a: {in: 1, out: 1}", "not valid YAML"),
    ],
)
def test_a_file_that_cant_be_read_is_refused_with_its_place(tmp_path: Path, text: str, found: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(UsageError) as refused:
        read_prices(path)
    assert found in refused.value.message
    assert "prices.yaml" in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("text", "found"), [('{"default": {"in": 1', "not valid JSON"), ('{"default": 1, "default": 2}', "twice")]
)
def test_json_that_cant_be_read_is_refused(tmp_path: Path, text: str, found: str) -> None:
    with pytest.raises(UsageError, match=found):
        read_prices(written(tmp_path, text, "prices.json"))


def test_a_file_that_isnt_there_is_refused(tmp_path: Path) -> None:
    for name in ("none.yaml", "none.json"):
        with pytest.raises(DataError, match="there is no such file"):
            read_prices(tmp_path / name)
