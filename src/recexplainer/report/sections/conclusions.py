"""What a run says, in five sentences that are computed: each with its number and its caveat."""

from __future__ import annotations

from recexplainer.report.inputs import Metrics, ReportInputs
from recexplainer.report.sections.advice import count_ratings, next_step
from recexplainer.report.sections.common import SURE, Conclusion, Tone, chance, figure, interval, percent, write
from recexplainer.report.sections.doubts import Claim, doubtful, tested_claims, untested
from recexplainer.report.sections.recommender import NAMES

Ends = tuple[float, float]
METRIC = "ndcg@10"
FLOORS = ("popularity", "item_knn")
NOT_ALIGNED = ("none", "template")
HITS = ("next_item_retrieval", "hr@5")
MOST_FALSE = 0.1  # of the counterfactuals
HIDDEN = 0.2  # a kind of claim should not be shown if more of it fails
TOLD = "recommender"  # the supplier of evidence that makes a text's reasons true by construction


def conclude(inputs: ReportInputs) -> list[Conclusion]:
    """The five conclusions; one whose figures are missing says which command makes them."""
    worth, mode = worth_explaining(inputs.recommender), best_mode(inputs)
    reasons, doubts = reasons_true(inputs), claims_to_doubt(inputs)
    return [worth, mode, reasons, doubts, next_step(worth, mode, reasons, doubts, count_ratings(inputs.agreement))]


def rank_sources(inputs: ReportInputs) -> list[str]:
    """Who explains: aligned modes first, the one that predicts the recommender best before the others."""
    hits = {source: figure(inputs.alignment.get(source), *HITS) or 0.0 for source in inputs.sources}
    return sorted(inputs.sources, key=lambda source: (source in NOT_ALIGNED, -hits[source]))


def worth_explaining(metrics: Metrics | None) -> Conclusion:
    """Whether the recommender is better than its floors: the intervals of the paired differences decide."""
    question = "Is the recommender worth explaining?"
    versus = (metrics or {}).get("versus") or {}
    gaps = {
        floor: (value, ends)
        for floor in FLOORS
        if (value := figure(versus, floor, METRIC, "difference")) is not None
        and (ends := interval(versus, floor, METRIC, "difference_interval")) is not None
    }
    if metrics is None or not gaps:
        return _open(question, "The recommender was not compared with baselines.", "dvc repro train_recommender")
    kind = str(metrics.get("kind", ""))
    own = write(figure(metrics, kind, "test", METRIC))
    against = " and ".join(_gap(floor, *gap) for floor, gap in gaps.items())
    sentence = f"{NAMES.get(kind, kind)} reaches NDCG@10 {own}: {against}."
    n = write(figure(metrics, "n_users_evaluated"), 0)
    caveat = f"The last item of {n} users, with 95\N{NO-BREAK SPACE}% intervals; to rank well is not to have reasons."
    worst = min(gaps, key=lambda floor: gaps[floor][0])
    number = f"NDCG@10 {_signed(gaps[worst][0])} against {NAMES[worst].lower()}"
    if any(high < 0 for _, (_, high) in gaps.values()):
        return Conclusion(question, "bad", "No", sentence, caveat, number)
    is_better = len(gaps) == len(FLOORS) and all(low > 0 for _, (low, _) in gaps.values())
    return Conclusion(question, *_shown(is_better), sentence, caveat, number)


def best_mode(inputs: ReportInputs) -> Conclusion:
    """Which aligned mode names the recommender's first choice most often, and whether that is sure."""
    question = "Which mode predicts it best?"
    hits = {
        source: value
        for source, figures in inputs.alignment.items()
        if source not in NOT_ALIGNED and (value := figure(figures, *HITS)) is not None
    }
    aligned = sorted(hits, key=hits.__getitem__, reverse=True)
    if not aligned:
        return _open(question, "No mode's predictions were measured.", "dvc repro evaluate_alignment")
    best, *others = aligned
    value, ends = _hits(inputs.alignment[best])
    floors = _floors(inputs)
    floor = max(floors, key=floors.__getitem__, default="")
    said = f"“{best}” names the recommender's first choice in {_share(value, ends)} of the cases"
    caveat = "HR@5: five answers for each test case, only titles that the user has not had." + _student(inputs)
    number = f"HR@5 {percent(value)} of “{best}”"
    if floor and (ends or (value, value))[0] <= floors[floor]:
        sentence = f"{said}; {floor} does in {percent(floors[floor])}."
        return Conclusion(question, "bad", "None measurably", sentence, caveat, number)
    than = f", {floor} in {percent(floors[floor])}" if floor else ""
    if tied := [source for source in others if not _apart(ends, _hits(inputs.alignment[source])[1])]:
        names = " and ".join(f"“{source}” ({percent(_hits(inputs.alignment[source])[0])})" for source in tied)
        return Conclusion(
            question, "doubt", "A tie", f"{said}{than}; not measurably more often than {names}.", caveat, number
        )
    return Conclusion(question, "good", f"“{best}”", f"{said}{than}.", caveat, number)


def reasons_true(inputs: ReportInputs) -> Conclusion:
    """Whether what the best mode cites carries the decision more than the newest items do."""
    question = "Are the reasons true?"
    source = next((s for s in rank_sources(inputs) if (inputs.faithfulness.get(s) or {}).get("evidence")), None)
    if source is None:
        return _open(question, "No reasons were tested.", "dvc repro faithfulness")
    evidence = inputs.faithfulness[source]["evidence"]
    own = evidence.get("shift") or {}
    score, newest, over, p_value = (
        figure(own, name) for name in ("evidence_score", "newest_score", "evidence_over_newest", "p_value")
    )
    if score is None or newest is None or over is None or p_value is None:
        sentence = f"“{source}” cites too little for a test."
        caveat = (
            "A text that names no item of the history leaves nothing to delete; more cases (explain.n_cases) may help."
        )
        return Conclusion(question, "open", "Not testable", sentence, caveat)
    number = f"{_signed(over)} nats over the newest items"
    by_construction = list(evidence.get("suppliers") or {}) == [TOLD]
    scored = f"What “{source}” cites scores {_scored(score, interval(own, 'evidence_score_interval'))}"
    sentence = f"{scored}, the newest items {write(newest, 2)} ({chance(p_value)}); {_counterfactuals(inputs, source)}."
    caveat = "0 is as good as random items, 1 as the most influential ones. "
    caveat += (
        "The recommender chose the items that the text may cite, so this holds by construction and says nothing "
        "about what the LLM knows."
        if by_construction
        else "Tested by deleting items; a true reason need not convince a reader."
    )
    if p_value >= SURE:
        return Conclusion(question, "doubt", "Not shown", sentence, caveat, number)
    if over < 0:
        return Conclusion(question, "bad", "No", sentence, caveat, number)
    truth = figure(own, "counterfactual_truth")
    if truth is not None and truth < 1 - MOST_FALSE:
        return Conclusion(question, "doubt", "The cited items, not the counterfactuals", sentence, caveat, number)
    return Conclusion(question, "good", "Yes, by construction" if by_construction else "Yes", sentence, caveat, number)


def claims_to_doubt(inputs: ReportInputs) -> Conclusion:
    """Which kinds of claim of the best mode fail in more than one of twenty tests."""
    question = "Which claims should not be trusted?"
    source = next((source for source in rank_sources(inputs) if source in inputs.faithfulness), None)
    if source is None:
        return _open(question, "No claims were tested.", "dvc repro faithfulness")
    claims = tested_claims(inputs.faithfulness[source])
    failing, missing = doubtful(claims), untested(claims)
    caveats = [f"Not tested: {', '.join(missing)}."] if missing else []
    caveat = " ".join([*caveats, *_worst_other(inputs, source)]) or "Style and usefulness to a reader are not tested."
    if not failing:
        sentence = f"In the texts of “{source}”, no tested kind of claim fails in more than one of twenty cases."
        tone: Tone = "open" if len(missing) == len(claims) else "good"
        return Conclusion(question, tone, "None of those tested", sentence, caveat)
    worst = failing[0]
    sentence = f"In the texts of “{source}”, {'; '.join(claim.said for claim in failing[:3])}."
    tone = "bad" if (worst.share or 0.0) > HIDDEN else "doubt"
    return Conclusion(question, tone, worst.untested.capitalize(), sentence, caveat, worst.said)


def _open(question: str, sentence: str, command: str) -> Conclusion:
    return Conclusion(question, "open", "Not measured", sentence, f"{command} measures it.")


def _shown(is_shown: bool) -> tuple[Tone, str]:
    return ("good", "Yes") if is_shown else ("doubt", "Not shown")


def _gap(floor: str, value: float, ends: Ends) -> str:
    word = "above" if ends[0] > 0 else "below" if ends[1] < 0 else "not measurably different from"
    return f"{word} {NAMES[floor].lower()} ({_signed(value)}, {_signed(ends[0])} to {_signed(ends[1])})"


def _signed(value: float) -> str:
    return f"+{write(value)}" if value > 0 else write(value)


def _hits(metrics: Metrics) -> tuple[float, Ends | None]:
    *path, name = HITS
    return figure(metrics, *HITS) or 0.0, interval(metrics, *path, f"{name}_interval")


def _floors(inputs: ReportInputs) -> dict[str, float]:
    """What is possible without alignment: the base LLM, chance, and popularity."""
    baselines = inputs.baselines or {}
    named = {
        "the base LLM": inputs.alignment.get("none"),
        "answering at random": baselines.get("random"),
        "popularity": baselines.get("popularity"),
    }
    return {name: value for name, metrics in named.items() if (value := figure(metrics, *HITS)) is not None}


def _student(inputs: ReportInputs) -> str:
    value = figure((inputs.baselines or {}).get("student"), *HITS)
    return "" if value is None else f" A student recommender reaches {percent(value)}: that much can be learned."


def _apart(first: Ends | None, second: Ends | None) -> bool:
    """Whether two intervals are known and share nothing."""
    return first is not None and second is not None and (first[0] > second[1] or second[0] > first[1])


def _share(value: float, ends: Ends | None) -> str:
    return percent(value) + (f" ({percent(ends[0])} to {percent(ends[1])})" if ends else "")


def _scored(value: float, ends: Ends | None) -> str:
    return write(value, 2) + (f" ({write(ends[0], 2)} to {write(ends[1], 2)})" if ends else "")


def _counterfactuals(inputs: ReportInputs, source: str) -> str:
    """How many of the source's what-ifs hold; where it makes none, those of another."""
    for other in (source, *rank_sources(inputs)):
        own = ((inputs.faithfulness.get(other) or {}).get("evidence") or {}).get("shift")
        truth, n = figure(own, "counterfactual_truth"), figure(own, "n_counterfactuals")
        if truth is not None:
            whose = "" if other == source else f" of “{other}”"
            return f"{percent(truth)} of the {write(n, 0)} counterfactuals{whose} hold"
    return "no text states a counterfactual"


def _worst_other(inputs: ReportInputs, source: str) -> list[str]:
    """What the other sources do worst of all."""
    worst: list[tuple[Claim, str]] = [
        (failing[0], other)
        for other in inputs.sources
        if other != source and other in inputs.faithfulness
        if (failing := doubtful(tested_claims(inputs.faithfulness[other])))
    ]
    if not worst:
        return []
    claim, other = max(worst, key=lambda one: one[0].share or 0.0)
    return [f"The worst of the other sources is “{other}”: {claim.said}."]
