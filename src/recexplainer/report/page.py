"""The page itself: sections and cases poured into the templates; nothing in it reaches for a network."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib import resources
from itertools import count
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from recexplainer.report import published
from recexplainer.report.cases import build_cases
from recexplainer.report.downloads import table_link, tables_link
from recexplainer.report.drawings import inline_lines
from recexplainer.report.examples import RULE, choose_examples, make_examples
from recexplainer.report.inputs import ReportInputs
from recexplainer.report.packing import pack, share_texts
from recexplainer.report.sections.common import SOURCE_HINTS, Missing, Section, missing_sources, write
from recexplainer.report.sections.conclusions import conclude
from recexplainer.report.sections.judge import LEVELS
from recexplainer.report.sections.measured import measured_sections
from recexplainer.report.terms import terms_of

SUMMARY_PARAMS = {
    "dataset.name": "Data set",
    "dataset.format": "Format",
    "recommender.kind": "Recommender",
    "llm.base": "Base LLM",
    "align.modes": "Aligned modes",
    "judge.backend": "Judge",
    "run.seed": "Seed",
}
DATASET_COUNTS = {
    "n_users": "users",
    "n_items": "items",
    "n_interactions": "interactions",
    "n_dialogues": "general dialogues",
}


def build_page(inputs: ReportInputs, n_cases: int) -> str:
    """The whole report as one HTML text.

    Args:
        inputs: What is there; each section says what is missing and which command makes it.
        n_cases: How many cases the explorer holds, at most.
    """
    chosen = choose_examples(inputs)
    cases = build_cases(inputs, n_cases, [chosen.best, chosen.worst] if chosen else [])
    style, script = _own_file("page.css"), _own_file("explorer.js")
    sections = {
        "run": _run_section(inputs),
        **measured_sections(inputs),
        "explorer": _explorer_section(inputs, cases),
    }
    return (
        make_environment()
        .get_template("page.html.jinja")
        .render(
            style=Markup(style),
            script=Markup(script),
            script_hash=_content_hash(script),
            data=pack(_explorer_data(inputs, cases)),
            dataset_name=inputs.params.get("dataset.name", ""),
            commit=inputs.commit,
            conclusions=conclude(inputs),
            examples=make_examples(chosen, cases),
            examples_rule=chosen and RULE.format(chosen.n, chosen.source),
            params={name: _written(value) for name, value in inputs.params.items()},
            all_tables=tables_link({name: [*of.tables, *of.details] for name, of in sections.items()}),
            sources=inputs.sources,
            hints=SOURCE_HINTS,
            levels=LEVELS,
            citation=published.CITATION,
            **sections,
        )
    )


def make_environment() -> Environment:
    """The templates, with their filters; all values are escaped."""
    environment = Environment(
        loader=PackageLoader("recexplainer.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    numbers = count()
    environment.filters |= {"figure": write, "curves": lambda chart: inline_lines(chart, next(numbers))}
    environment.filters |= {"terms": terms_of, "csv": table_link}
    return environment


def _explorer_data(inputs: ReportInputs, cases: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "sources": [{"id": source, "hint": SOURCE_HINTS[source]} for source in inputs.sources],
        "levels": LEVELS,
        **share_texts(cases),
    }


def _explorer_section(inputs: ReportInputs, cases: list[dict[str, Any]]) -> Section:
    missing = missing_sources(inputs.sources, inputs.explanations, "results/explanations_{}.jsonl", "explain")
    if inputs.catalogue is None:
        missing.append(Missing("data/prepared/catalogue.parquet", "dvc repro prepare"))
    files = [f"results/explanations_{source}.jsonl" for source in inputs.explanations]
    files += [f"results/judgements_{source}.jsonl" for source in inputs.judgements]
    files += [f"results/faithfulness_{source}.parquet" for source in inputs.faithfulness_rows]
    return Section(
        files=files if cases else [],
        missing=missing,
        extra={"n_cases": len(cases), "n_all": max(map(len, inputs.explanations.values()), default=0)},
    )


def _run_section(inputs: ReportInputs) -> Section:
    if inputs.dataset is None:
        return Section(
            missing=[Missing("data/prepared/report.json", "dvc repro prepare")],
            extra={"counts": {}, "splits": {}, "facts": _facts(inputs)},
        )
    counts = {name: inputs.dataset[key] for key, name in DATASET_COUNTS.items() if key in inputs.dataset}
    splits = inputs.dataset.get("n_users_per_split", {})
    return Section(
        files=["data/prepared/report.json", "params.yaml"],
        extra={"counts": counts, "splits": splits, "facts": _facts(inputs)},
    )


def _facts(inputs: ReportInputs) -> dict[str, str]:
    facts = {label: _written(inputs.params[name]) for name, label in SUMMARY_PARAMS.items() if name in inputs.params}
    return facts | {"Commit": inputs.commit} if inputs.commit else facts


def _written(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_written(inner) for inner in value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "–" if value is None else str(value)


def _own_file(name: str) -> str:
    return resources.files("recexplainer.report").joinpath("templates", name).read_text(encoding="utf-8")


def _content_hash(text: str) -> str:
    """The hash by which the page's policy lets this script run, and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
