"""The closed form of a pool's purchase against a linear program and against hand calculation."""

import numpy as np
import pytest
from scipy.optimize import linprog

from advisor.economics.purchase import Mix, Offer, best_mix, mix_at, spot_rate, term_rate


def solved(need, limit, offer):
    """The same pool as a linear program: commitment k, and spot q and on-demand y each hour."""
    hours = len(need)
    commit, bound_k = (offer.commit, None) if offer.commit is not None else (0.0, 0.0)
    demand, bound_y = (offer.on_demand, None) if offer.on_demand is not None else (0.0, 0.0)
    spot = offer.spot or 0.0
    bounds = [(0, bound_k)]
    bounds += [(0, float(e) if offer.spot is not None else 0.0) for e in limit]
    bounds += [(0, bound_y)] * hours
    cost = np.concatenate([[commit], np.full(hours, spot / hours), np.full(hours, demand / hours)])
    cover = -np.hstack([np.ones((hours, 1)), np.eye(hours), np.eye(hours)])
    found = linprog(cost, A_ub=cover, b_ub=-need, bounds=bounds, method="highs")
    assert found.status == 0, found.message
    return found.fun


def pools(count, seed):
    random = np.random.default_rng(seed)
    for i in range(count):
        hours = int(random.integers(1, 60))
        need = random.integers(0, 12, hours).astype(float)
        limit = np.floor(need * random.uniform(0, 1))
        on_demand = float(random.uniform(0.1, 10))
        spot = float(on_demand * random.uniform(0.2, 1.0)) if i % 3 else None
        commit = float(on_demand * random.uniform(0.2, 1.2)) if i % 4 else None
        if i % 7 == 0 and commit is not None:
            on_demand = None
        yield need, limit, Offer(on_demand, spot, commit)


def test_closed_form_equals_linear_program():
    for need, limit, offer in pools(400, seed=7):
        mix = best_mix(need, limit, offer)
        assert mix.usd_per_hour == pytest.approx(solved(need, limit, offer), rel=1e-9, abs=1e-9)


def test_a_mix_is_priced_by_its_parts_and_covers_the_need():
    for need, limit, offer in pools(200, seed=11):
        mix = best_mix(need, limit, offer)
        assert mix_at(need, limit, offer, mix.committed).usd_per_hour == pytest.approx(
            mix.usd_per_hour, rel=1e-12
        )
        above = np.maximum(need - mix.committed, 0).mean()
        assert mix.spot_hours + mix.on_demand_hours == pytest.approx(above, abs=1e-12)


@pytest.mark.parametrize("discount", [0.3, 0.5, 0.6])
def test_reserve_the_quantile_of_the_discount(discount):
    # Need runs 1 to 100, each for one hour: at 30 % off the 30th percentile, and so on.
    need = np.arange(1.0, 101.0)
    mix = best_mix(need, np.zeros(100), Offer(1.0, None, 1.0 - discount))
    assert mix.committed == pytest.approx(100 * discount, abs=1)
    assert (need > mix.committed).mean() == pytest.approx(1.0 - discount, abs=0.011)


def test_a_commitment_by_hand():
    # Two machines by day, six by night; on demand 1.00, committed 0.60 an hour.
    # Two committed cost 1.2 and leave 4 x 1.0 half the time: 1.2 + 2.0 = 3.2. Six cost 3.6.
    need = np.array([2.0] * 12 + [6.0] * 12)
    mix = best_mix(need, np.zeros(24), Offer(1.0, None, 0.6))
    assert mix == Mix(pytest.approx(3.2), 2.0, 0.0, 2.0)
    assert mix_at(need, np.zeros(24), Offer(1.0, None, 0.6), 6.0).usd_per_hour == pytest.approx(3.6)


def test_spot_fills_above_the_commitment():
    need = np.array([4.0] * 24)
    mix = best_mix(need, np.full(24, 2.0), Offer(1.0, 0.3, 0.6))
    assert mix == Mix(pytest.approx(2 * 0.6 + 2 * 0.3), 2.0, 2.0, 0.0)


def test_spot_dearer_than_on_demand_is_left_alone():
    mix = best_mix(np.full(3, 2.0), np.full(3, 2.0), Offer(1.0, 1.2, None))
    assert mix == Mix(2.0, 0.0, 0.0, 2.0)


def test_what_cannot_be_bought_is_an_error():
    need = np.array([1.0, 2.0])
    with pytest.raises(ValueError, match="needs an on-demand or a commitment price"):
        best_mix(need, need, Offer(None, 0.2, None))
    with pytest.raises(ValueError, match="no commitment price"):
        mix_at(need, need * 0, Offer(1.0), 1.0)
    with pytest.raises(ValueError, match="no on-demand price"):
        mix_at(need, need * 0, Offer(None, None, 0.5), 1.0)


def test_a_term_beyond_the_horizon_pays_its_stranded_tail():
    # Three years on a one-year view, half of the tail expected to be useful: 24 months, half lost.
    assert term_rate(1.0, 36, 12, 0.5) == pytest.approx(1.0 + 0.5 * 24 / 12)
    assert term_rate(1.0, 12, 12, 0.5) == 1.0
    assert term_rate(1.0, 36, 12, 1.0) == 1.0


def test_interruptions_raise_the_spot_price():
    assert spot_rate(1.0, 0.0, 0.1) == 1.0
    assert spot_rate(1.0, 0.25, 0.1) == pytest.approx(1.1)
