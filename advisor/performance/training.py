r"""Training runs: arithmetic, memory and time.

A token passes through :math:`P` active weights at 2 FLOP each and attends to a sequence of
:math:`s` tokens at :math:`4 L d s` (queries against keys, then values: :math:`L` layers, heads
:math:`d` wide together). The backward pass costs twice the forward one; adapters skip the gradients
of the frozen weights, once :math:`2P`:

.. math:: F_{full} = 6 P + 12 L d s, \qquad F_{lora} = 4 P + 12 L d s

(Kaplan and others, arXiv 2001.08361; Chowdhery and others, PaLM, arXiv 2204.02311, appendix B).
Gradient checkpointing repeats the forward pass, :math:`2 P + 4 L d s`.

Memory of a chip, the states sharded over all :math:`n` chips (Rajbhandari and others, ZeRO,
arXiv 1910.02054) and the activations of its own :math:`b` sequences (Korthikanti and others,
arXiv 2205.05198, without the scores of attention, which fused kernels do not keep):

.. math:: M = \frac{16 P}{n} + s b \,(34 h L + 4 (h + v)), \quad
    M_{ckpt} = \frac{16 P}{n} + s b \,((2 L + 32) h + 4 (h + v))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .llm import GIB, Array

FLOP_PER_PARAMETER = {"full": 6.0, "lora": 4.0, "qlora": 4.0}
"""Per token and active weight."""
STATE_BYTES = 16.0
"""Of a trained weight: mixed-precision Adam 2 + 2 + 12, FP32 4 + 4 + 8."""
SAVED_BYTES = 12.0
"""Of a trained weight in a checkpoint: the FP32 weight and Adam's two moments."""
QLORA_BYTES = 4.127 / 8.0
"""Of a frozen weight in NF4 with its scales quantized (Dettmers and others, arXiv 2305.14314)."""
WEIGHT_BYTES = {"fp32": 4.0, "tf32": 4.0, "bf16": 2.0, "fp16": 2.0}
"""Of weights and activations, by the precision of the arithmetic."""
LAYER_INPUT = 2.0
ATTENTION, MLP = 15.0, 19.0
"""16-bit activations a layer keeps, bytes per token and unit of width: its input, attention with
both norms, and one feed-forward block. The input is part of the second."""

Assumption = Callable[[str], float]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Network:
    """What training a model depends on.

    Attributes
    ----------
    params_b : float
        Parameters, billions; all experts.
    forward_flop : float
        Forward pass through weights, FLOP per token (per sample where a model has no tokens).
    attention : float
        Forward FLOP per token and per token of the sequence, :math:`4 L d`.
    window, window_share : float
        Attention window in tokens and the share of layers that have one.
    layers, hidden, vocab, experts : float
        Shape; `experts` that a token passes through. 0 layers where only samples are known.
    sample_gib : float
        Largest maps of one sample at 16 bits, for models known by their samples, GiB.
    """

    params_b: float
    forward_flop: float
    attention: float = 0.0
    window: float = np.inf
    window_share: float = 0.0
    layers: float = 0.0
    hidden: float = 0.0
    vocab: float = 0.0
    experts: float = 1.0
    sample_gib: float = 0.0


def network(model: Mapping[str, Any]) -> Network | None:
    """A row of the models table as what training depends on; None where too little is known.

    Models that are no language models carry the FLOP of a sample, which hold their attention; a
    diffusion model trains one step of its many at a time.
    """

    def known(name: str) -> float | None:
        value = model.get(name)
        return None if value is None or np.isnan(value) else float(value)

    params, layers, hidden = known("params_b"), known("layers"), known("hidden")
    gflop, sample = known("gflops_per_sample"), known("activation_mb_per_sample")
    if params is None or model["kind"] == "tabular":
        return None
    if model["kind"] != "llm":
        if gflop is None or (sample is None and not (layers and hidden)):
            return None
        per = (known("sample_tokens") or 1.0) * (known("sample_steps") or 1.0)
        return Network(
            params,
            gflop * 1e9 / per,
            layers=(layers or 0.0) if hidden else 0.0,
            hidden=hidden or 0.0,
            vocab=known("vocab") or 0.0,
            sample_gib=(sample or 0.0) * 1e6 / GIB,
        )
    if not layers or not hidden:
        return None
    heads, size = known("heads"), known("head_size")
    width = heads * size if heads and size else hidden
    return Network(
        params,
        2e9 * (known("active_params_b") or params),
        attention=4.0 * layers * width,
        window=known("sliding_window") or np.inf,
        window_share=known("windowed_layer_share") or 0.0,
        layers=layers,
        hidden=hidden,
        vocab=known("vocab") or 0.0,
        experts=known("experts_active") or 1.0,
    )


def flop_per_token(n: Network, method: str, sequence_tokens: float) -> float:
    """Arithmetic of training on one token, forward and backward, FLOP."""
    weights = FLOP_PER_PARAMETER[method] / 2.0 * n.forward_flop
    return weights + 3.0 * _attention(n, sequence_tokens)


def repeated_flop_per_token(n: Network, sequence_tokens: float) -> float:
    """What gradient checkpointing adds for one token: the forward pass once more, FLOP."""
    return n.forward_flop + _attention(n, sequence_tokens)


def _attention(n: Network, sequence_tokens: float) -> float:
    windowed = n.window_share * min(sequence_tokens, n.window)
    return n.attention * (windowed + (1.0 - n.window_share) * sequence_tokens)


def share_of_peak(
    assumption: Assumption, precision: str, *, capped: Flags, joined: Flags, method: str
) -> Array:
    """Share of a precision's peak that a run reaches on one machine.

    Parameters
    ----------
    assumption : callable
        Planning figures by name.
    precision : str
        FP32 runs on the vector units and comes closer to their lower peak.
    capped : array of bool, shape (m,)
        Chips that sustain well under their peak for lack of power.
    joined : array of bool, shape (m,)
        Machines whose chips exchange gradients over PCIe.
    method : str
        QLoRA expands its weights before each use.
    """
    base = assumption("mfu_training_fp32" if precision == "fp32" else "mfu_training")
    if method == "qlora":
        base /= 1.0 + assumption("qlora_overhead")
    slow = np.where(joined, assumption("training_pcie_share"), 1.0)
    return np.asarray(base * slow * np.where(capped, assumption("power_capped_derate"), 1.0))


def run_hours(
    flop: float,
    *,
    chips: Array,
    peak_tflops: Array,
    share: Array,
    machines: Array,
    scaling: float,
    data_stall_share: float,
) -> Array:
    r"""Hours of one run, the waiting for data included.

    .. math:: T = \frac{F}{n\,c\,R\,\eta\,e^{\log_2 n}\,(1 - w)}

    for :math:`n` machines of :math:`c` chips at :math:`\eta` of peak :math:`R`.

    Parameters
    ----------
    flop : float
        Arithmetic of the run, repeated passes included.
    chips, peak_tflops, share : array, shape (m,)
        Chips in each kind of machine, peak of a chip, share of it that is reached.
    machines : array, shape (k, 1) or (m,)
        How many machines share the run.
    scaling : float
        Speed kept, :math:`e`, each time the machines double.
    data_stall_share : float
        Share :math:`w` of the time in which chips wait for data.
    """
    kept = scaling ** np.log2(machines)
    rate = machines * chips * peak_tflops * 1e12 * share * kept * (1.0 - data_stall_share)
    with np.errstate(divide="ignore"):
        return np.asarray(flop / rate / 3600.0)


def memory_gib(
    n: Network,
    *,
    method: str,
    precision: str,
    sequence_tokens: float,
    batch: float,
    checkpointing: bool,
    chips: Array,
    assumption: Assumption,
) -> Array:
    """Memory each chip needs, GiB, with the states sharded over `chips` (any shape).

    Sharded, a chip also holds the weights of two layers: one at work and the next on its way.
    """
    width = WEIGHT_BYTES[precision]
    states = states_gib(n, method=method, precision=precision, assumption=assumption)
    frozen = QLORA_BYTES if method == "qlora" else width
    gathered = np.where(chips > 1, 2.0 * frozen * n.params_b * 1e9 / max(n.layers, 2.0) / GIB, 0.0)
    kept = activations_gib(
        n,
        sequence_tokens=sequence_tokens,
        batch=batch,
        precision=precision,
        checkpointing=checkpointing,
        assumption=assumption,
    )
    return np.asarray(states / chips + gathered + kept + assumption("training_reserve_gib"))


def states_gib(n: Network, *, method: str, precision: str, assumption: Assumption) -> float:
    """Weights, gradients and optimizer state over all chips, GiB."""
    trained = trained_share(method, assumption)
    frozen = {"full": 0.0, "lora": WEIGHT_BYTES[precision], "qlora": QLORA_BYTES}[method]
    return (frozen + STATE_BYTES * trained) * n.params_b * 1e9 / GIB


def activations_gib(
    n: Network,
    *,
    sequence_tokens: float,
    batch: float,
    precision: str,
    checkpointing: bool,
    assumption: Assumption,
) -> float:
    """What a step of one chip keeps for its backward pass, GiB.

    Parameters
    ----------
    batch : float
        Sequences (samples) the chip takes at once.
    checkpointing : bool
        Keep each layer's input, and one layer in full while it is worked out again.
    """
    wide = WEIGHT_BYTES[precision] / 2.0
    if not n.layers:
        kept = assumption("training_maps_kept") * n.sample_gib
        left = assumption("gradient_checkpointing_memory") if checkpointing else 1.0
        return batch * kept * left * wide
    layer = ATTENTION + MLP * n.experts
    inputs = LAYER_INPUT * n.layers + layer - LAYER_INPUT
    body = (inputs if checkpointing else layer * n.layers) * n.hidden * wide
    head = 4.0 * (n.hidden + n.vocab)
    return sequence_tokens * batch * (body + head) / GIB


def trained_share(method: str, assumption: Assumption) -> float:
    """Trained weights as a share of the model's."""
    return 1.0 if method == "full" else assumption("adapter_share")


def checkpoint_gb(n: Network, method: str, assumption: Assumption) -> float:
    """What a checkpoint holds, GB: trained weights in FP32 and the optimizer's moments."""
    return SAVED_BYTES * trained_share(method, assumption) * n.params_b
