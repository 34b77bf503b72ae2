"""What to do next: the earliest of a run's conclusions that is not as it should be decides."""

from __future__ import annotations

from dataclasses import dataclass

from recexplainer.report.inputs import Metrics
from recexplainer.report.sections.common import Conclusion

PEOPLE = "human:"


@dataclass(frozen=True)
class Step:
    """What can be done: in a few words, in a sentence, and with its caveat."""

    name: str
    how: str
    caveat: str


MEND_RECOMMENDER = Step(
    "Improve the recommender",
    "train it longer, tune it or give it more data until it beats popularity and item neighbours",
    "The other figures still hold, but a recommender that a simple rule beats is hardly worth explaining.",
)
ALIGN = Step(
    "Align longer",
    "more users, more epochs or a larger LLM (the section align of params.yaml)",
    "A model that cannot predict the recommender cannot explain it.",
)
TIE_TO_EVIDENCE = Step(
    "Tie the texts to the evidence",
    "let the recommender supply the items that a text may cite (explain.evidence: recommender)",
    "The texts are then true by construction; explain.evidence: free shows what the LLM has learned.",
)
HIDE_CLAIMS = Step(
    "Hide what does not hold",
    "keep these claims from readers; explain.facts: guided makes them true of the items, not of the decision",
    "A true fact about an item need not be the recommender's reason.",
)
RATE = Step(
    "Let people rate",
    "recexplainer ratings export writes a sheet of texts without their source, for at least two raters",
    "No figure on this page comes from a reader.",
)
PROMOTE = Step(
    "Promote",
    "recexplainer promote moves the production alias if its gates hold",
    "The figures hold for these users and items; measure again when either changes.",
)


def next_step(
    worth: Conclusion, mode: Conclusion, reasons: Conclusion, doubts: Conclusion, n_ratings: int
) -> Conclusion:
    """The step that the first four conclusions and the number of people's ratings ask for."""
    question = "What to do next?"
    found = [worth, mode, reasons, doubts]
    if missing := [one for one in found if one.tone == "open"]:
        sentence = f"{len(missing)} of 4 questions have no answer yet: {missing[0].caveat}"
        return Conclusion(question, "open", "Measure", sentence, "The answers above hold without the missing ones.")
    step, number = _first(worth, mode, reasons, doubts, n_ratings)
    return Conclusion(question, "open", step.name, f"{number}: {step.how}.", step.caveat, number)


def _first(
    worth: Conclusion, mode: Conclusion, reasons: Conclusion, doubts: Conclusion, n_ratings: int
) -> tuple[Step, str]:
    if worth.tone != "good":
        return MEND_RECOMMENDER, worth.number
    if mode.tone == "bad":
        return ALIGN, mode.number
    if reasons.tone != "good":
        return TIE_TO_EVIDENCE, reasons.number
    if doubts.tone == "bad":
        return HIDE_CLAIMS, doubts.number
    return (PROMOTE if n_ratings else RATE), f"{n_ratings} ratings by people"


def count_ratings(agreement: Metrics | None) -> int:
    """How many ratings people gave, of all texts together."""
    raters = (agreement or {}).get("raters") or {}
    return sum(int(of["n"]) for name, of in raters.items() if name.startswith(PEOPLE))
