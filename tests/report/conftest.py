"""A small invented run of the whole pipeline, with awkward titles, as the report would find it."""

import numpy as np
import pandas as pd
import pytest

from recexplainer.data.catalogue import Catalogue
from recexplainer.report import page
from recexplainer.report.drawings import inline_lines
from recexplainer.report.inputs import ReportInputs
from tests.records import make_explanation, make_judgement
from tests.report.faithfulness_figures import faithfulness_figures, pair_figures

SOURCES = ["behaviour", "intention", "both", "none"]
TITLES = [
    "Ember Drift",
    "Ember Drift II",
    "Quiet Harbor; Deluxe Edition",
    'The "Lost" Lantern',
    "Wild <item> Safari",
    "</script><script>alert(1)</script>",
    "<img src=x onerror=alert(2)>",
    "Café Ünïcode Österlund",
    "Royal Puzzle & Friends",
    "Golden Forge V",
    "Neon Circuit - Nova 64",
    "Misty Fjord: Homecoming",
]
TARGETS = [2, 5, 6, 12]
INVENTED = "Phantom of Nowhere"


def catalogue_table():
    n = len(TITLES)
    return pd.DataFrame(
        {
            "item_id": np.arange(1, n + 1, dtype="int32"),
            "raw_id": [f"R{i}" for i in range(n)],
            "title": TITLES,
            "brand": ["Harbor Works", "Ivory <b>Arts</b>", ""] * (n // 3),
            "categories": [["Video Games", "Racing"]] * n,
            "features": [["Genre: Racing"]] * n,
            "description": [""] * n,
            "price": [19.99, float("nan")] * (n // 2),
        }
    )


def make_catalogue():
    return Catalogue(catalogue_table())


def make_explanations(source, n_users=12):
    records, catalogue = [], make_catalogue()
    for user in range(1, n_users + 1):
        target = TARGETS[user % len(TARGETS)]
        history = [item for item in range(1, 13) if item != target][user % 3 :][:8]
        label = "Yes" if user % 2 else "No"
        verdict = {"none": None if user % 5 == 0 else "Yes", "intention": "No"}.get(source, label)
        named = [TITLES[history[user % 8] - 1], TITLES[history[(user + 3) % 8] - 1]]
        others = {"intention": f' and "{INVENTED}"', "none": f' and "{TITLES[history[0] % 12]}"'}.get(source, "")
        text = (
            f'{verdict or "Well"}. The history holds "{named[0]}", "{named[1]}"{others}, which share '
            f'the setting and the genre of "{TITLES[target - 1]}"; most weight is put on the last game.'
        )
        records.append(
            make_explanation(
                catalogue,
                explanation_id=f"u{user}-p9-i{target}",
                source=source,
                user_id=user,
                position=9,
                item_id=target,
                history=history,
                label=label,
                score=3.25 if label == "Yes" else -1.5,
                rank=2 if label == "Yes" else 150,
                n_ranked=192,
                prompt="User: <user>\nHistory, oldest first:\n" + "\n".join(TITLES[i - 1] for i in history),
                text=text,
                verdict=verdict,
                p_yes=None if verdict is None else 0.87 if verdict == "Yes" else 0.21,
            )
        )
    return records


def make_judgements(records):
    rows = []
    for record in records:
        level = "A" if record.verdict != record.label else "BCD"[record.user_id % 3]
        rows.append(
            make_judgement(
                explanation_id=record.explanation_id,
                level=level,
                score="ABCD".index(level),
                reasons={"decision_right": level != "A", "invented": [INVENTED] if level == "B" else []},
            )
        )
    return rows


def make_faithfulness_rows(records):
    n = len(records)
    compared = np.arange(n) % 4 != 0
    columns = {"p": 0.08, "rank": 2.0, "p_without_mask": 0.031, "rank_without_mask": 7.0,
               "comprehensiveness_mask_random": 0.02}  # fmt: skip
    return pd.DataFrame(
        {
            "explanation_id": [record.explanation_id for record in records],
            **{name: np.where(compared, value, np.nan) for name, value in columns.items()},
        }
    )


def _alignment(hr, ndcg, ranking, tau, accuracy, titles, hcr):
    return {
        "next_item_retrieval": {
            "hr@5": hr,
            "ndcg@5": ndcg,
            "invalid_rate": 0.0123,
            "free": {"hr@5": hr / 2, "ndcg@5": ndcg / 2},
        },
        "item_ranking": {"paper_ndcg@5": ranking, "ndcg@5": 0.9, "kendall_tau": tau, "invalid_rate": 0.0},
        "interest_classification": {"accuracy": accuracy, "auc": accuracy and accuracy + 0.04},
        "item_discrimination": {"title_accuracy": titles},
        "history_reconstruction": {"hcr": hcr},
        "n_examples": {"next_item_retrieval": 64},
    }


def _ranking(base):
    names = ("hr@1", "hr@5", "hr@10", "hr@20", "ndcg@5", "ndcg@10", "ndcg@20", "mrr@10")
    return {part: {name: base * (1 + i / 10) for i, name in enumerate(names)} for part in ("valid", "test")}


def _discriminators():
    def near(value, width=0.08):
        return [value - width, value + width]

    def accuracy(value):
        confusion = [[40, 6, 4, 1], [3, 44, 4, 0], [7, 2, 41, 1], [0, 0, 1, 50]]
        return {
            "accuracy": value,
            "accuracy_interval": near(value),
            "confusion": confusion,
            "labels": SOURCES,
        }

    def error(mse, r2):
        return {
            "mse": mse,
            "mse_interval": near(mse),
            "r2": r2,
            "r2_interval": near(r2),
            "spearman": 0.7,
            "spearman_interval": near(0.7),
        }

    quality = {"behaviour": 0.61, "intention": 0.58, "both": 0.72, "none": 0.03}
    return {
        "n_cases": 128,
        "n_train_users": 39,
        "n_test_users": 25,
        "n_test_cases": 51,
        "n_dropped": dict.fromkeys(SOURCES, 0),
        "source_classifier": {
            "text": accuracy(0.86),
            "verdict_masked": accuracy(0.85),
            "verdict_only": accuracy(0.31),
            "length_only": accuracy(0.55),
            "majority": accuracy(0.25),
        },
        "score_predictor": {
            source: {
                "text": error(9 * (1 - r2), r2),
                "verdict_masked": error(8.0, 0.12),
                "verdict_only": error(3.9, 0.56 if source != "none" else -0.06),
                "length_only": error(8.8, 0.02),
                "mean": error(9.1, -0.01) | {"spearman": None, "spearman_interval": None},
            }
            for source, r2 in quality.items()
        },
        "mse_differences": {
            source: {
                "text_minus_verdict_only": {
                    "difference": 3.9 - 5 * r2 - 1,
                    "difference_interval": near(3.9 - 5 * r2 - 1, 0.4),
                }
            }
            for source, r2 in quality.items()
        },
    }


def make_inputs(**changes):
    explanations = {source: make_explanations(source) for source in SOURCES}
    inputs = {
        "sources": SOURCES,
        "params": {
            "dataset.name": "demo",
            "dataset.format": "amazon_2018",
            "recommender.kind": "sasrec",
            "llm.base": "demo_llm/model",
            "align.modes": ["behaviour", "intention", "both"],
            "judge.backend": "rubric",
            "judge.base_url": None,
            "run.seed": 7,
        },
        "commit": "0123456789ab",
        "dataset": {
            "n_users": 638,
            "n_items": 200,
            "n_interactions": 7321,
            "n_dialogues": 300,
            "n_users_per_split": {"train": 510, "valid": 64, "test": 64},
        },
        "recommender": {
            "kind": "sasrec",
            "sasrec": _ranking(0.12),
            "popularity": _ranking(0.03),
            "item_knn": _ranking(0.08),
            "n_users": 638,
        },
        "measured": ["behaviour", "intention", "both", "none"],
        "alignment": {
            "behaviour": _alignment(0.61, 0.44, 0.82, 0.42, 0.80, 0.64, None),
            "intention": _alignment(0.66, 0.49, 0.85, 0.51, 0.86, 0.95, 0.131),
            "both": _alignment(0.68, 0.52, 0.86, 0.55, 0.88, 0.96, 0.152),
            "none": _alignment(0.01, 0.004, 0.55, -0.02, 0.50, 0.0, None),
        },
        "baselines": {
            "random": _alignment(0.024, 0.015, 0.613, 0.0, 0.5, None, None),
            "popularity": _alignment(0.062, 0.041, 0.68, 0.12, None, None, None),
            "student": _alignment(0.71, 0.55, 0.89, 0.66, 0.83, None, None),
        },
        "judge": {
            source: {
                "mean": mean,
                "A": a,
                "B": b,
                "C": c,
                "D": d,
                "unparseable": 0,
                "failed": 0,
                "n": 128,
                "judge": "rubric",
            }
            for source, mean, a, b, c, d in (
                ("behaviour", 2.02, 20, 14, 38, 56),
                ("intention", 1.31, 25, 60, 21, 22),
                ("both", 2.21, 12, 16, 33, 67),
                ("none", 0.55, 64, 58, 5, 1),
            )
        },
        "faithfulness": {
            "behaviour": faithfulness_figures(0.21, 0.12, 0.55, 0.0031, 0.02),
            "intention": faithfulness_figures(0.13, 0.12, 0.52, 0.31, 0.34),
            "both": faithfulness_figures(0.26, 0.12, 0.54, 0.0001, 0.008),
            "none": faithfulness_figures(0.11, 0.12, 0.5, 0.62, 0.71),
        },
        "faithfulness_pairs": pair_figures(),
        "discriminators": _discriminators(),
        "catalogue": make_catalogue(),
        "explanations": explanations,
        "judgements": {source: make_judgements(records) for source, records in explanations.items()},
        "faithfulness_rows": {source: make_faithfulness_rows(records) for source, records in explanations.items()},
    }
    return ReportInputs(**{**inputs, **changes})


@pytest.fixture(scope="session", autouse=True)
def curves_are_drawn_once():
    """Curves that several pages show are drawn for the first alone: drawing is nearly all that a page takes."""
    drawn = {}

    def remember(chart, number):
        key = repr((chart, number))
        drawn[key] = drawn.get(key) or inline_lines(chart, number)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page, "inline_lines", remember)
        yield


@pytest.fixture
def inputs():
    return make_inputs()


@pytest.fixture
def inputs_with():
    return make_inputs
