"""Which claims of the texts do not hold, as shares of those that were tested."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import SURE, chance, figure, percent, write

TOLERATED = 0.05  # of a kind of claim, this share may fail before the page warns of it


@dataclass(frozen=True)
class Claim:
    """A kind of claim that texts make.

    Attributes:
        fault: What is wrong with those that do not hold.
        share: The share that does not hold; None where none was tested.
        untested: What the kind is called where none was tested.
    """

    fault: str
    share: float | None
    untested: str

    @property
    def said(self) -> str:
        """The fault with its share."""
        return f"{percent(self.share or 0.0)} {self.fault}"


def tested_claims(metrics: Metrics) -> list[Claim]:
    """Every kind of claim of one source's texts, from its figures of faithfulness."""
    evidence = metrics.get("evidence") or {}
    own, attributes = evidence.get("shift") or {}, evidence.get("attributes") or {}
    calibration = metrics.get("calibration") or {}
    p_value = figure(calibration, "p_value")
    is_off = p_value is not None and p_value < SURE
    off_by = figure(calibration, "ece") if is_off else None if p_value is None else 0.0
    n_attributes, n_counterfactuals = figure(attributes, "n_tested"), figure(own, "n_counterfactuals")
    return [
        Claim("of the verdicts are not the recommender's", _rest(metrics, "verdict_agreement"), "verdicts"),
        Claim("of the titles are not in the history", figure(metrics, "hallucination_rate"), "titles"),
        Claim("of the texts cite an item without effect", figure(own, "misleading_texts"), "cited items"),
        Claim("of the texts give no true reason", figure(own, "texts_without_true_reason"), "reasons"),
        Claim(
            f"of {write(n_attributes, 0)} attributes given as reasons have no effect",
            _rest(attributes, "carrying"),
            "attributes",
        ),
        Claim(
            f"of {write(n_counterfactuals, 0)} counterfactuals do not hold",
            _rest(own, "counterfactual_truth"),
            "counterfactuals",
        ),
        Claim(
            f"is the calibration error of the stated probability ({'–' if p_value is None else chance(p_value)})",
            off_by,
            "probabilities",
        ),
    ]


def doubtful(claims: list[Claim]) -> list[Claim]:
    """The kinds that fail too often, the worst first."""
    failing = [claim for claim in claims if (claim.share or 0.0) > TOLERATED]
    return sorted(failing, key=lambda claim: -(claim.share or 0.0))


def untested(claims: list[Claim]) -> list[str]:
    """The kinds without a tested claim."""
    return [claim.untested for claim in claims if claim.share is None]


def _rest(metrics: Metrics, name: str) -> float | None:
    """What is left of a share to 1."""
    share = figure(metrics, name)
    return None if share is None else max(0.0, 1.0 - share)
