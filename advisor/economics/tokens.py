"""What a hosted model costs for a volume of requests."""

from __future__ import annotations


def api_usd_per_request(
    *,
    isl_tokens: float,
    osl_tokens: float,
    usd_per_mtok_in: float,
    usd_per_mtok_out: float,
    usd_per_mtok_in_cached: float | None = None,
    usd_per_mtok_cache_write: float | None = None,
    cached_share: float = 0.0,
    reads_per_write: float = float("inf"),
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
    usd_per_mtok_cache_write : float, optional
        Price of input that is written to that cache; without one, that of other input.
    cached_share : float
        Share of input tokens the provider finds in its cache.
    reads_per_write : float
        How often a token of the cache is read before it is written anew.
    """
    write = usd_per_mtok_in if usd_per_mtok_cache_write is None else usd_per_mtok_cache_write
    read = usd_per_mtok_in if usd_per_mtok_in_cached is None else usd_per_mtok_in_cached
    written = min(cached_share / reads_per_write, 1.0 - cached_share)
    plain = 1.0 - cached_share - written
    per_mtok = isl_tokens * (plain * usd_per_mtok_in + cached_share * read + written * write)
    return (per_mtok + osl_tokens * usd_per_mtok_out) / 1e6
