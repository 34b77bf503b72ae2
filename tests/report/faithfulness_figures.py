"""Invented figures of the stages that measure and compare faithfulness, in the form in which they write them."""


def faithfulness_figures(cited, random, best, p, unseen):
    def table(scale):
        measures = (
            "comprehensiveness",
            "sufficiency",
            "comprehensiveness_aopc",
            "sufficiency_aopc",
            "log_comprehensiveness",
        )
        figures = {
            "cited": cited * scale,
            "random": random * scale,
            "newest": 0.3 * scale,
            "leave_one_out": best * scale,
            "greedy": 1.1 * best * scale,
        }
        variants = {v: figures | {"p_value_over_random": p} for v in ("mask", "shift")}
        measures += ("del", "ins")
        at_k = ("pn", "ps", "fns", "pos", "neg", "counterfactual_found", "counterfactual_size")
        ranks = {f"{m}@{k}": {v: figures for v in ("mask", "shift")} for m in at_k for k in (1, 3, 5)}
        return {"n_compared": 50, **{m: variants for m in measures}, **ranks}

    return {
        "n": 128,
        "n_citing": 101,
        "n_citing_everything": 0,
        "n_without_verdict": 1,
        "verdict_agreement": 0.84,
        "hallucination_rate": unseen,
        "invented_rate": unseen / 2,
        "inventing_texts": unseen / 2,
        "fmr": 0.6,
        "fcr": 0.2,
        "div": 1.4,
        "usr": 0.9,
        "texts_naming_target": 0.9,
        "cited_items_mean": 1.62,
        **table(1.0),
        "no_decisions": table(-0.3),
        "curves": _curves(cited, random, best),
        "verdicts": {"Yes": {"Yes": 54, "No": 9, "none": 1}, "No": {"Yes": 11, "No": 53, "none": 0}},
        "calibration": _calibration(p),
        "causes": _causes(cited),
        "evidence": _evidence(cited, best, p),
    }


def _evidence(cited, best, p):
    score = cited / best
    figures = {
        "n": 50,
        **_with_interval(evidence_score=score, newest_score=0.5, evidence_over_newest=score - 0.5),
        "p_value": p,
        "n_carried": 48,
        **_with_interval(evidence_top1=score, newest_top1=0.6),
        "n_texts": 64,
        **_with_interval(misleading_texts=1 - score),
        "n_texts_carried": 60,
        **_with_interval(texts_without_true_reason=0.5 - score / 2),
    }
    attributes = {"n_claims": 90, "n_tested": 80, "n_no_exchange": 7, "n_false": 3, "p_value": p,
                  "p_value_over_unnamed": p}  # fmt: skip
    return {
        "suppliers": {"free": 128},
        **{v: figures | {"n_counterfactuals": 0, "counterfactual_truth": None} for v in ("shift", "mask")},
        "no_decisions": {"shift": figures, "mask": figures},
        "known": {"free": {"shift": figures, "mask": figures}},
        "attributes": attributes
        | _with_interval(effect=0.4, carrying=0.55, unnamed_effect=0.05, effect_over_unnamed=0.35),
    }


def _with_interval(**values):
    return values | {f"{name}_interval": [value - 0.1, value + 0.1] for name, value in values.items()}


def _curves(cited, random, best):
    """Curves that fall the faster the more influential the items are that go first."""
    shares = [step / 10 for step in range(11)]

    def falling(speed):
        return [0.08 * (1 - share) ** (1 + 4 * speed) + 0.01 for share in shares]

    speeds = {"cited": cited, "random": random, "newest": 0.3, "leave_one_out": best}
    both_ways = {
        "deletion": {name: falling(speed) for name, speed in speeds.items()},
        "insertion": {name: falling(speed)[::-1] for name, speed in speeds.items()},
    }
    return {"shares": shares, "mask": both_ways, "shift": both_ways}


def _calibration(p_value):
    bins = [
        {"low": n / 10, "high": (n + 1) / 10, "n": 13 * (n != 4), "mean_p": None if n == 4 else n / 10 + 0.04,
         "share_yes": None if n == 4 else min(1.0, n / 8)}
        for n in range(10)
    ]  # fmt: skip
    figures = {"n": 117, "n_without_probability": 11, "brier": 0.16, "brier_of_base_rate": 0.25, "ece": 0.09}
    return {**figures, "ece_if_calibrated": 0.06, "p_value": p_value, "bins": bins}


def _causes(cited):
    def kind(named, p_value, n=20):
        return {
            "n": n, "n_chosen": 2, "named": named, "shuffled": 0.2, "p_value_over_shuffled": 0.0005,
            "n_otherwise": 40, "named_otherwise": 0.5, "p_value": p_value,
        }  # fmt: skip

    nothing = dict.fromkeys(kind(0, 0), None) | {"n": 0, "n_chosen": 0, "n_otherwise": 0}
    return {"platform": kind(0.9, 0.4), "genre": kind(0.8, 0.02 if cited > 0.2 else 0.3), "franchise": nothing}


def pair_figures():
    measures = ("verdict_agreement", "citing", "hallucinating_texts", "inventing_texts")
    measures += tuple(f"{m}_mask" for m in ("log_comprehensiveness", "comprehensiveness", "sufficiency", "del", "ins"))

    def pair(difference, p_value):
        found = {"n": 50, "difference": difference, "difference_interval": [difference - 0.05, difference + 0.05]}
        return {name: found | {"p_value": p_value, "p_value_holm": min(1.0, 3 * p_value)} for name in measures}

    return {"behaviour-intention": pair(-0.12, 0.04), "intention-both": pair(0.16, 0.0005), "both-none": pair(0.1, 0.3)}
