"""Portfolios as text, for the made-up catalog, and ways to read them."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from advisor.catalog import Catalog
from advisor.errors import PortfolioError
from advisor.portfolio import Portfolio, load_portfolio

YAML = """\
name: Tiny
organisation:
  clouds: [aws]
  geographies: [us, eu]
  discounts: {aws: 0.1}
workloads:
  - name: chat
    kind: llm
    task: generation
    model: talk8
    isl_tokens: 500
    osl_tokens: 100
    demand: {profile: office, mean_rps: 3}
    residency: [us]
    slo:
      ttft_s: 2
      tpot_s: ~
    current:
      cloud: aws
      region: n-east
      instance: g.large
      framework: serve
      weight_precision: bf16
training:
  - name: tune
    model: Talk-2B
    tokens_m: 50
    runs_per_month: 4
    current: {cloud: aws, region: n-east, instance: g.large}
"""

HEADER = (
    "name,kind,task,model,isl_tokens,osl_tokens,demand.profile,demand.mean_rps,residency,slo.ttft_s,"
    "current.cloud,current.region,current.instance,current.framework,current.weight_precision\n"
)
CHAT = "chat,llm,generation,talk8,500,100,office,3,us|eu,2,aws,n-east,g.large,serve,bf16\n"
READ = "read,encoder,classification,Read-base,,,flat,8,,,aws,n-west,x.small,plain,fp32\n"


def read(text: str | bytes, catalog: Catalog, name: str = "mine.yaml") -> Portfolio:
    return load_portfolio(text.encode() if isinstance(text, str) else text, catalog, name=name)


def refused(text: str | bytes, catalog: Catalog, name: str = "mine.yaml") -> PortfolioError:
    with pytest.raises(PortfolioError) as caught:
        read(text, catalog, name)
    assert "pydantic" not in str(caught.value)
    assert caught.value.file is not None
    return caught.value


def workbook(sheets: dict[str, list[list[Any]]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def csv_rows(*lines: str) -> list[list[Any]]:
    def cell(text: str) -> Any:
        return float(text) if text.isdigit() else text or None

    return [[cell(c) for c in line.strip().split(",")] for line in lines]
