"""The closed form of a pool's purchase against a linear program and against hand calculation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from advisor.economics.purchase import Array, Offer, Prices, Purchase, Steps, at_levels, buy, rents

MONTH = 730.0


def prices(
    on_demand: float = np.inf,
    spot: float = np.inf,
    whole: float = np.inf,
    yearly: float = np.inf,
    held: float | Array = 0.0,
    most: float = np.inf,
    steps: int = 24,
) -> Prices:
    one = [np.array([p]) for p in (on_demand, spot, whole, yearly)]
    return Prices(*one, np.full((1, steps), held), np.array([most]))


def hours(n: int = 24, years: int = 1) -> Steps:
    """N hours of a day each (or of days of 24), in one stretch or two."""
    day = np.arange(n) // 24
    year = np.minimum(day * years // (int(day[-1]) + 1), years - 1)
    return Steps(np.full(n, MONTH / n), day, np.stack([year, np.zeros(n, np.int64)]))


def bought(
    need: Array, offer: Prices, *, spot: float = 0.0, volume: float = 0.0, years: int = 1
) -> Purchase:
    steps = hours(len(need), years)
    days = int(steps.day[-1]) + 1
    limit = np.floor(need * spot)
    return buy(need[None], limit[None], np.full((1, days), volume), offer, steps)


@dataclass(frozen=True)
class Pool:
    """A pool with its demand."""

    need: Array
    spot: Array
    volume: Array
    prices: Prices
    steps: Steps

    def usd(self) -> float:
        found = buy(self.need[None], self.spot[None], self.volume[None], self.prices, self.steps)
        return float(found.usd[0])

    def solved(self) -> float:
        """The same as a linear program: levels, on-demand y, spot q and waiting work g."""
        h, day, year = self.steps.hours_month, self.steps.day, self.steps.years
        n, years = len(h), int(year.max()) + 1
        a, s, whole, yearly = (float(p[0]) for p in (
            self.prices.on_demand, self.prices.spot, self.prices.whole, self.prices.yearly
        ))  # fmt: skip
        s = s if s < a else np.inf
        price = [whole * h.sum(), *(yearly * h[year == y].sum() for y in range(years))]
        price += [*(a * h), *(s * h), *np.zeros(n)]
        top = [None if np.isfinite(p) else 0.0 for p in price]
        eye, none = np.eye(n), np.zeros((n, n))
        levels = np.column_stack([np.ones(n), *(year == y for y in range(years))]).astype(float)
        held, most = self.prices.held[0], float(self.prices.most[0])
        rows = [np.hstack([-levels, -eye, -eye, eye]), np.hstack([0 * levels, none, eye, -eye])]
        limits = [held - self.need, self.spot]
        if np.isfinite(most):
            rows += [np.hstack([levels, eye, eye, none]), np.hstack([levels, none, none, none])]
            limits += [np.maximum(most - held, 0.0), np.full(n, max(most - held.max(), 0.0))]
        days = np.array([(day == d) * h for d in range(int(day[-1]) + 1)])
        found = linprog(
            np.where(np.isfinite(price), price, 0.0),
            A_ub=np.vstack(rows),
            b_ub=np.concatenate(limits),
            A_eq=np.hstack([np.zeros((len(days), 1 + years + 2 * n)), days]),
            b_eq=self.volume,
            bounds=[(0, t) for t in top],
            method="highs",
        )
        return float(found.fun) if found.status == 0 else np.inf


def random_pool(seed: int) -> Pool:
    """A pool of a few short days with any mix of what may be sold, held and limited."""
    rng = np.random.default_rng(seed)
    days, per = int(rng.integers(1, 4)), int(rng.integers(2, 5))
    n = days * per
    day = np.repeat(np.arange(days), per)
    years = 2 if days > 1 and rng.random() < 0.4 else 1
    year = day * years // days
    h = rng.choice([1.0, 2.0, 3.0], n) if rng.random() < 0.3 else np.full(n, MONTH / n)
    need = rng.integers(0, 6, n).astype(float)
    held = rng.integers(0, 3, years)[year] * float(rng.random() < 0.4)
    some = [np.array([rng.choice(p)]) for p in (
        [np.inf, 1.0, 2.0], [np.inf, 0.3, 0.7, 1.5], [np.inf, 0.2, 0.45, 0.8], [np.inf, 0.3, 0.6]
    )]  # fmt: skip
    return Pool(
        need,
        np.floor(need * rng.choice([0.0, 0.5, 1.0])),
        rng.integers(0, 8, days) * float(rng.random() < 0.5),
        Prices(*some, held[None], np.array([rng.choice([np.inf, 4.0, 6.0])])),
        Steps(h, day, np.stack([year, np.zeros(n, np.int64)])),
    )


@pytest.mark.parametrize("batch", range(4))
def test_closed_form_equals_linear_program(batch: int) -> None:
    unbought = 0
    for seed in range(batch * 300, batch * 300 + 300):
        pool = random_pool(seed)
        usd, solved = pool.usd(), pool.solved()
        assert usd == pytest.approx(solved, rel=1e-9, abs=1e-9), seed
        unbought += np.isinf(usd)
    assert unbought < 150


def test_a_batch_is_bought_as_each_by_itself() -> None:
    rng = np.random.default_rng(1)
    steps = hours(48)
    need = rng.integers(0, 9, (50, 48)).astype(float)
    volume = rng.integers(0, 90, (50, 2)).astype(float)
    many = Prices(
        *(rng.uniform(*r, 50) for r in ((1, 2), (0.3, 1), (0.4, 1), (0.5, 1))),
        rng.integers(0, 3, (50, 1)) * np.ones((50, 48)),
        np.full(50, np.inf),
    )
    limit = np.floor(need / 2)
    together = buy(need, limit, volume, many, steps).usd
    for i in range(50):
        one = Prices(*(getattr(many, f)[i : i + 1] for f in many.__dataclass_fields__))
        alone = buy(need[i : i + 1], limit[i : i + 1], volume[i : i + 1], one, steps).usd[0]
        assert alone == pytest.approx(together[i], rel=1e-12)


@given(st.integers(0, 100_000))
@settings(max_examples=60)
def test_rents_are_what_more_need_costs_at_least(seed: int) -> None:
    pool = random_pool(seed)
    if not np.isfinite(pool.usd()) or np.isfinite(pool.prices.most[0]):
        return
    if not np.isfinite(pool.prices.on_demand[0]):
        return
    args = (pool.spot[None], pool.volume[None], pool.prices, pool.steps)
    found = rents(pool.need[None], *args)[0]
    more = pool.need + np.random.default_rng(seed).integers(0, 3, len(pool.need))
    usd = float(buy(more[None], *args).usd[0])
    # The cost is convex: no change is cheaper than its price at the margin.
    assert usd >= pool.usd() + float(found @ (more - pool.need)) - 1e-6


@pytest.mark.parametrize(("discount", "percentile"), [(0.3, 30), (0.5, 50), (0.6, 60)])
def test_reserve_the_quantile_of_the_discount(discount: float, percentile: int) -> None:
    # Need runs 1 to 100, each for one hour: at 30 % off the 30th percentile, and so on.
    need = np.random.default_rng(3).permutation(np.arange(1.0, 101.0))
    steps = Steps(np.full(100, 7.3), np.arange(100), np.zeros((1, 100), np.int64))
    offer = prices(on_demand=1.0, whole=1.0 - discount, steps=100)
    found = buy(need[None], np.zeros((1, 100)), np.zeros((1, 100)), offer, steps)
    assert found.whole[0] == pytest.approx(percentile, abs=1)
    assert (need > found.whole[0]).mean() == pytest.approx(1.0 - discount, abs=0.011)


def test_a_commitment_by_hand() -> None:
    # Two machines by day, six by night; on demand 1.00, committed 0.60 an hour.
    # Two committed cost 1.2 and leave 4 x 1.0 half the time: 1.2 + 2.0 = 3.2. Six cost 3.6.
    need = np.array([2.0] * 12 + [6.0] * 12)
    offer = prices(on_demand=1.0, whole=0.6)
    found = bought(need, offer)
    assert found.usd[0] == pytest.approx(3.2 * MONTH)
    assert (found.whole[0], found.on_demand[0].mean()) == (2.0, 2.0)
    six = at_levels(
        need[None], np.zeros((1, 24)), np.zeros((1, 1)), offer, hours(), np.array([6.0]),
        np.zeros((1, 1)),
    )  # fmt: skip
    assert six.usd[0] == pytest.approx(3.6 * MONTH)


def test_spot_fills_above_the_commitment() -> None:
    found = bought(np.full(24, 4.0), prices(on_demand=1.0, spot=0.3, whole=0.6), spot=0.5)
    assert found.usd[0] == pytest.approx((2 * 0.6 + 2 * 0.3) * MONTH)
    assert (found.whole[0], found.spot[0].max()) == (2.0, 2.0)


def test_spot_dearer_than_on_demand_is_left_alone() -> None:
    found = bought(np.full(24, 2.0), prices(on_demand=1.0, spot=1.2), spot=1.0)
    assert found.usd[0] == pytest.approx(2.0 * MONTH)
    assert not found.spot.any()


def test_what_cannot_be_bought_costs_infinitely_much() -> None:
    need = np.array([1.0, 2.0] * 12)
    assert np.isinf(bought(need, prices(spot=0.2), spot=1.0).usd[0]) == np.False_
    assert np.isinf(bought(need, prices(spot=0.2), spot=0.5).usd[0])
    assert np.isinf(bought(need, prices()).usd[0])
    assert np.isinf(bought(need, prices(on_demand=1.0, most=1.0)).usd[0])
    assert bought(np.zeros(24), prices()).usd[0] == 0.0


def test_machines_held_are_used_first_and_cost_nothing_more() -> None:
    need = np.array([2.0] * 12 + [6.0] * 12)
    found = bought(need, prices(on_demand=1.0, whole=0.6, held=3.0))
    # Of the six by night three are held; half the hours do not pay a commitment at 0.6.
    assert found.usd[0] == pytest.approx(3.0 / 2 * MONTH)


def test_work_that_waits_fills_the_troughs() -> None:
    # Four by day, none by night; committed 0.6: four pay only if the nights are used too.
    need = np.array([4.0] * 12 + [0.0] * 12)
    offer = prices(on_demand=1.0, whole=0.6)
    alone = bought(need, offer)
    assert (alone.whole[0], alone.usd[0]) == (0.0, pytest.approx(2.0 * MONTH))
    # 48 machine-hours a day of work that may wait are just what four machines have left.
    both = bought(need, offer, volume=2.0 * MONTH)
    assert both.whole[0] == pytest.approx(4.0)
    assert both.usd[0] == pytest.approx(4 * 0.6 * MONTH)
    assert both.waiting_hours.sum() == 0.0


def test_a_level_may_change_from_year_to_year() -> None:
    # One machine in the first half, three in the second; a year 0.6, the whole horizon 0.5.
    need = np.repeat([1.0, 3.0], 24)
    found = bought(need, prices(on_demand=1.0, whole=0.5, yearly=0.6, steps=48), years=2)
    assert (found.whole[0], *found.yearly[0]) == (1.0, 0.0, 2.0)
    assert found.usd[0] == pytest.approx((0.5 + 2 * 0.6 / 2) * MONTH)


def test_the_cheapest_term_speaks_for_an_offer() -> None:
    offer = Offer(1.0, None, (("commit_1y", 0.7), ("commit_3y", 0.6)))
    assert (offer.commit, offer.commit_term) == (0.6, "commit_3y")
    assert (Offer(1.0).commit, Offer(1.0).commit_term) == (None, "")
