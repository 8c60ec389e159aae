"""What a hosted model costs for a volume of requests."""

from __future__ import annotations


def api_usd_per_request(
    *,
    isl_tokens: float,
    osl_tokens: float,
    usd_per_mtok_in: float,
    usd_per_mtok_out: float,
    usd_per_mtok_in_cached: float | None = None,
    cached_share: float = 0.0,
    batch_discount: float = 0.0,
) -> float:
    """Price of one request to a hosted model, USD.

    Parameters
    ----------
    isl_tokens, osl_tokens : float
        Mean input and output tokens.
    usd_per_mtok_in, usd_per_mtok_out : float
        List price per million tokens.
    usd_per_mtok_in_cached : float, optional
        Price of input read from the provider's cache; without one, cached input costs full price.
    cached_share : float
        Share of input tokens the provider finds in its cache.
    batch_discount : float
        Share off for work that may wait.
    """
    cached = usd_per_mtok_in if usd_per_mtok_in_cached is None else usd_per_mtok_in_cached
    per_mtok = isl_tokens * ((1.0 - cached_share) * usd_per_mtok_in + cached_share * cached)
    per_mtok += osl_tokens * usd_per_mtok_out
    return per_mtok * (1.0 - batch_discount) / 1e6
