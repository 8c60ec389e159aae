"""One configuration as a person asks for it, checked before the model sees it."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from advisor.catalog import Catalog
from advisor.catalog.records import records
from advisor.errors import InputError, NotFoundError, did_you_mean

from . import aliases
from .chips import PEAK_COLUMN

_TIME = re.compile(r"\s*([0-9.]+(?:e-?[0-9]+)?)\s*(ms|s)?\s*", re.IGNORECASE)
LONGEST_TPOT_S = 10.0
"""Above this a time per token was meant in milliseconds."""


def seconds(value: Any) -> Any:
    """A time in seconds from ``0.05``, ``0.05s`` or ``50ms``."""
    if not isinstance(value, str):
        return value
    match = _TIME.fullmatch(value)
    if not match:
        raise ValueError("a time is written 0.05, 0.05s or 50ms")
    number = float(match[1])
    return number / 1e3 if (match[2] or "s").lower() == "ms" else number


Time = Annotated[float, BeforeValidator(seconds), Field(gt=0, le=7 * 86_400, allow_inf_nan=False)]
Tokens = Annotated[int, Field(ge=1, le=10_000_000)]
Degree = Annotated[int, Field(ge=1, le=64)]


class Question(BaseModel):
    """What to predict; times in seconds, or as text with their unit."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    model: str | None = Field(None, description="Model of the catalog, by name or alias.")
    params_b: Annotated[float, Field(gt=0, le=10_000, allow_inf_nan=False)] | None = Field(
        None, description="Parameters in billions, of a language model the catalog lacks."
    )
    accelerator: str = Field(description="Chip of the catalog.")
    tensor_parallel: Degree = Field(1, description="Chips that share one copy of the model.")
    weights: str = Field(description="Number format of the weights.")
    kv: str = Field("kv-16", description="Number format of the KV cache.")
    framework: str = Field(description="Serving framework.")
    framework_version: str | None = Field(None, description="The catalog's current one if blank.")
    isl: Tokens | None = Field(None, description="Mean input tokens.")
    osl: Tokens | None = Field(None, description="Mean output tokens.")
    batch: Annotated[int, Field(ge=1, le=1_000_000)] | None = Field(
        None, description="Requests in flight; as many as pay if blank."
    )
    rps: Annotated[float, Field(gt=0, le=1e7, allow_inf_nan=False)] | None = Field(
        None, description="Requests per second to serve."
    )
    ttft_slo: Time | None = Field(None, description="Target of the time to first token.")
    tpot_slo: Time | None = Field(None, description="Target of the time per output token.")
    latency_slo: Time | None = Field(None, description="Target of the whole answer.")
    prefix_hit: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)] = Field(
        0.0, description="Share of input tokens found in the prefix cache."
    )
    speculative: bool = Field(False, description="Speculative decoding.")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and info.field_name != "speculative":
            raise ValueError("true and false are no number")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Question:
        if (self.model is None) == (self.params_b is None):
            raise ValueError("give either model or params_b")
        if self.tpot_slo is not None and self.tpot_slo > LONGEST_TPOT_S:
            given = f"{self.tpot_slo:g}"
            raise ValueError(f"tpot_slo is {given} s per token; write {given}ms if that is meant")
        return self


def question(given: dict[str, Any], source: str | None = None) -> Question:
    """A question from plain data.

    Parameters
    ----------
    given : dict
        Fields of `Question`; None is not given.
    source : str, optional
        File named in messages.

    Raises
    ------
    InputError
        Naming the first field that is unknown, missing, or holds what is not allowed.
    """
    try:
        return Question.model_validate({k: v for k, v in given.items() if v is not None})
    except ValidationError as error:
        # A misspelt field is why another is missing, so what is missing comes last.
        order = {"extra_forbidden": 0, "missing": 2}
        first = min(error.errors(), key=lambda e: order.get(e["type"], 1))
        column = ".".join(map(str, first["loc"])) or None
        message = str(first["msg"]).removeprefix("Value error, ").partition(", unable")[0]
        message = message.replace("Input should be", "must be").replace("integer", "whole number")
        fix = allowed = None
        if first["type"] == "extra_forbidden":
            message, allowed = "unknown field", ", ".join(Question.model_fields)
            fix = did_you_mean(str(first["loc"][-1]), Question.model_fields)
        missing = first["type"] == "missing"
        value = None if missing or not column else first["input"]
        raise InputError(
            "this is needed" if missing else message[:1].lower() + message[1:],
            file=source,
            column=column,
            value=value,
            allowed=allowed,
            fix=fix,
        ) from None


class Named:
    """A question's names as rows of the catalog, and whether they go together.

    Raises
    ------
    NotFoundError
        For a name that the catalog does not hold.
    InputError
        For a combination that does not exist.
    """

    def __init__(self, catalog: Catalog, asked: Question, model: str) -> None:
        self.model = catalog.lookup("models", aliases.model(catalog, model) or model)
        self.kind = str(self.model["kind"])
        name = aliases.chip(catalog, asked.accelerator).name
        self.chip = catalog.lookup("accelerators", name)
        framework = asked.framework.lower()
        framework = aliases.FRAMEWORKS.get(framework, framework)
        self.framework = catalog.lookup("frameworks", framework)
        self.weights = _format(catalog, asked.weights, "weights", self.kind)
        self.cache = _format(catalog, asked.kv, "kv", "llm")
        self._served()
        self._arithmetic(catalog, self.weights)
        if self.kind == "llm":
            if asked.isl is None or asked.osl is None:
                raise InputError("a language model needs isl and osl", fix="give both")
            self._arithmetic(catalog, self.cache)
            if asked.latency_slo is not None:
                raise InputError(
                    "a language model has targets for the first token and each one after it",
                    column="latency_slo",
                    value=asked.latency_slo,
                    allowed="ttft_slo, tpot_slo",
                )
        elif asked.ttft_slo is not None or asked.tpot_slo is not None:
            raise InputError(
                f"{self.model['model']} answers at once: it has no time per token",
                allowed="latency_slo",
            )

    def _served(self) -> None:
        f, chip, label = self.framework, self.chip, self.framework["label"]
        if self.model["closed"]:
            raise InputError(f"{self.model['model']} is sold as an API only: its shape is unknown")
        for ok, problem, allowed in (
            (self.kind in f["kinds"], f"does not serve models of kind '{self.kind}'", f["kinds"]),
            (chip["kind"] in f["chip_kinds"], f"does not run on a {chip['kind']}", f["chip_kinds"]),
            (chip["vendor"] in f["vendors"], f"does not run on {chip['vendor']}", f["vendors"]),
            (
                self.kind != "llm" or not f["llm_families"] or chip["family"] in f["llm_families"],
                f"does not run language models on {chip['family']} chips",
                f["llm_families"] or (),
            ),
            (
                self.weights["precision"] in f["weight_precisions"],
                f"does not run {self.weights['precision']} weights",
                f["weight_precisions"],
            ),
        ):
            if not ok:
                raise InputError(f"{label} {problem}", allowed=", ".join(allowed))

    def _arithmetic(self, catalog: Catalog, precision: dict[str, Any]) -> None:
        """The chip has the arithmetic of a format; a 16-bit cache needs none."""
        if precision["precision"] == "kv-16" or _able(self.chip, precision):
            return
        able = [
            str(p["precision"])
            for p in records(catalog["precisions"])
            if p["role"] == precision["role"] and self.kind in p["kinds"] and _able(self.chip, p)
        ]
        raise InputError(
            f"{self.chip['accelerator']} has no {str(precision['peak']).upper()} arithmetic",
            column="weights" if precision["role"] == "weights" else "kv",
            value=precision["precision"],
            allowed=", ".join(able),
        )


def _able(chip: dict[str, Any], precision: dict[str, Any]) -> bool:
    columns = [PEAK_COLUMN[str(precision["peak"])]]
    if precision["weight_only"]:
        columns = ["fp16_tflops", "bf16_tflops"]
    peaks = [chip[c] for c in columns]
    return any(p is not None and math.isfinite(p) and p > 0 for p in peaks)


def _format(catalog: Catalog, name: str, role: str, kind: str) -> dict[str, Any]:
    known = [
        str(p["precision"])
        for p in records(catalog["precisions"])
        if p["role"] == role and kind in p["kinds"]
    ]
    table = aliases.WEIGHTS if role == "weights" else aliases.CACHES
    folded = name.strip().lower()
    found = folded if folded in known else table.get(folded, folded)
    if found not in known:
        what = "number format of weights" if role == "weights" else "number format of a KV cache"
        hint = did_you_mean(name, known)
        raise NotFoundError(
            f"no {what} is named {name!r}; {hint or 'allowed: ' + ', '.join(known)}"
        )
    return catalog.lookup("precisions", found)
