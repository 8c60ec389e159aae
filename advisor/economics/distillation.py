r"""What a distilled student takes.

One round needs :math:`T` million tokens of examples, which is :math:`T 10^6 / (t_i + t_o)` of the
workload's requests with the teacher's answers. It costs

.. math:: R = T p_t + \frac{F}{10^{18}} p_f + E

(teacher tokens at :math:`p_t` a million, :math:`F` FLOP of training at :math:`p_f` an exaFLOP, and
an evaluation :math:`E`). The world moves, so there are several rounds a year.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Study:
    """One student's cost; USD.

    Attributes
    ----------
    examples : float
        Requests with the teacher's answers that a round trains on; NaN where a request's tokens
        are not known.
    teacher_usd, training_usd, evaluation_usd : float
        Each round.
    rounds_year : float
        Distillations a year.
    """

    examples: float
    teacher_usd: float
    training_usd: float
    evaluation_usd: float
    rounds_year: float

    @property
    def round_usd(self) -> float:
        """One distillation, without engineering."""
        return self.teacher_usd + self.training_usd + self.evaluation_usd

    @property
    def usd_year(self) -> float:
        """All distillations of a year."""
        return self.round_usd * self.rounds_year


def study(
    *,
    tokens_m: float,
    tokens_per_request: float | None,
    usd_per_mtok: float,
    flop: float,
    usd_per_exaflop: float,
    evaluation_usd: float,
    rounds_year: float,
) -> Study:
    """Cost of distilling one student.

    Parameters
    ----------
    tokens_m : float
        Tokens a round trains on, prompts and answers together, millions.
    tokens_per_request : float, optional
        Input and output tokens of a request.
    usd_per_mtok : float
        Price of the teacher's tokens; 0 where its answers are at hand.
    flop : float
        Arithmetic of one training.
    """
    examples = tokens_m * 1e6 / tokens_per_request if tokens_per_request else float("nan")
    return Study(
        examples=examples,
        teacher_usd=tokens_m * usd_per_mtok,
        training_usd=flop / 1e18 * usd_per_exaflop,
        evaluation_usd=evaluation_usd,
        rounds_year=rounds_year,
    )


def months_to_collect(examples: float, requests_month: float) -> float:
    """How long the workload's own traffic takes to supply a round's examples, months."""
    return examples / requests_month if requests_month > 0 else float("inf")
