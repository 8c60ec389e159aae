"""Models, their precisions, and ways to make them smaller."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import Field

from .base import Count, Evidence, Names, NonNegative, Positive, Row, Share, Text

ModelKind = Literal["llm", "encoder", "cnn", "diffusion", "tabular"]
PEAKS = Literal["fp32", "tf32", "fp16", "bf16", "fp8", "int8", "fp4"]


class Model(Row):
    """A model architecture, with what memory and speed depend on.

    ``llm`` rows carry the transformer's shape; other kinds carry FLOPs per sample. Embedding
    models and classifiers are ``encoder``; vision networks (convolutional or transformer) ``cnn``.
    A ``closed`` model is known by its API only and carries no shape.
    """

    table: ClassVar = "models"
    key: ClassVar = ("model",)

    model: Text
    aliases: Names = ()
    kind: ModelKind
    closed: bool = Field(False, description="Sold as an API only.")
    params_b: Positive | None = Field(None, description="Parameters, billions.")
    active_params_b: Positive | None = Field(None, description="Parameters used per token.")
    embedding_params_b: NonNegative | None = Field(
        None, description="Input embedding, billions; kept unquantized and not streamed."
    )
    tied_embeddings: bool | None = None
    layers: int | None = Field(None, ge=1)
    hidden: int | None = Field(None, ge=1)
    heads: int | None = Field(None, ge=1)
    kv_heads: int | None = Field(None, ge=1)
    head_size: int | None = Field(None, ge=1)
    kv_dim_mla: int | None = Field(
        None, ge=1, description="Latent KV width per layer (MLA); replaces 2·kv_heads·head_size."
    )
    sliding_window: int | None = Field(None, ge=1, description="Tokens, for windowed layers.")
    windowed_layer_share: Share | None = None
    experts: int | None = Field(None, ge=1)
    experts_active: int | None = Field(None, ge=1)
    expert_params_b: NonNegative | None = Field(None, description="All experts together, billions.")
    vocab: int | None = Field(None, ge=1)
    max_context: int | None = Field(None, ge=1)
    native_precision: PEAKS | None = None
    gflops_per_sample: Positive | None = Field(
        None, description="Forward pass, GFLOP (2 per multiply-add), at sample_tokens if given."
    )
    sample_tokens: int | None = Field(None, ge=1, description="Tokens per sample of that figure.")
    sample_px: int | None = Field(None, ge=1, description="Edge of the image of that figure.")
    sample_steps: int | None = Field(None, ge=1, description="Denoising steps of that figure.")
    activation_mb_per_sample: NonNegative | None = None
    distills_from: Names = Field((), description="Teachers this model is a sensible student of.")


class Precision(Row):
    """A number format for weights, activations and KV cache, with what it costs in quality."""

    table: ClassVar = "precisions"
    key: ClassVar = ("precision",)

    precision: Text
    label: Text
    role: Literal["weights", "kv"]
    peak: PEAKS = Field(description="The chip's arithmetic it runs on; a chip without it cannot.")
    bits_per_weight: Positive = Field(description="Bits incl. scales and zero points.")
    weight_only: bool = Field(description="Saves memory traffic, not arithmetic.")
    kinds: Names = Field(description="Model kinds it applies to.")
    quality_loss_low: Share
    quality_loss: Share = Field(description="Typical relative quality loss against FP16/BF16.")
    quality_loss_high: Share
    engineering_hours: NonNegative
    needs_training: bool = False
    evidence: Evidence


class Compression(Row):
    """Pruning, distillation, graph optimization: ways to do less work per prediction."""

    table: ClassVar = "compression"
    key: ClassVar = ("technique",)

    technique: Text
    label: Text
    lever: Literal["PRECISION", "SERVING", "DISTILLATION"]
    kinds: Names
    frameworks: Names = Field((), description="Only under these frameworks; empty means any.")
    chip_kinds: Names = Field((), description="Only on these kinds of chip; empty means any.")
    params_factor: Positive = Field(1.0, description="Parameters left, as a share.")
    speedup_low: Positive
    speedup: Positive
    speedup_high: Positive
    quality_loss_low: Share
    quality_loss: Share
    quality_loss_high: Share
    engineering_hours: NonNegative
    needs_sparse_kernel: bool = False
    sparse_pattern: str | None = Field(None, description="Pattern of its zero weights.")
    training_tokens_m: NonNegative = Field(0, description="Recovery/student tokens, millions.")
    evidence: Evidence


class ApiPrice(Row):
    """A hosted model's price per token, in one tier and from one length of prompt on.

    All rows of a model's newest day are its price list: what a later day leaves out is gone.
    """

    table: ClassVar = "api_prices"
    key: ClassVar = ("provider", "api_model", "tier", "over_tokens", "as_of")
    refs: ClassVar = {"model": "models"}

    provider: Text
    api_model: Text = Field(description="The provider's own name for it.")
    model: Text = Field(description="Row of the models table that it serves.")
    tier: Literal["standard", "batch"] = Field(
        "standard", description="Batch: answered within a day."
    )
    over_tokens: Count = Field(0, description="Holds for prompts of more tokens than this.")
    usd_per_mtok_in: NonNegative
    usd_per_mtok_in_cached: NonNegative | None = Field(
        None, description="Input read from the host's cache; empty: at the full price."
    )
    usd_per_mtok_cache_write: NonNegative | None = Field(
        None, description="Input written to it; empty: at the price of input."
    )
    usd_per_mtok_out: NonNegative
    geographies: Names = Field((), description="Where it may be served; empty means unknown.")
    standing: Literal["contract", "published", "observed", "derived", "estimated"]
