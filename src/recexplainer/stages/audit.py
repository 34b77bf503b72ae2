"""Audit the recommender as a whole: what carries its decisions, compared with two baselines and another version."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from recexplainer import store
from recexplainer.audit.audit import Audit, Plan, audit_figures, audit_recommender
from recexplainer.audit.comparison import compare_audits
from recexplainer.audit.decisions import choose_pairs
from recexplainer.audit.figures import Draws
from recexplainer.audit.relations import Relations
from recexplainer.audit.sentences import write_sentences
from recexplainer.core.errors import InputError
from recexplainer.core.settings import Settings
from recexplainer.data.interactions import Interactions
from recexplainer.data.splits import TEST
from recexplainer.evidence.counterfactuals import Bounds
from recexplainer.recommenders import load_recommender
from recexplainer.recommenders.base import Recommender
from recexplainer.recommenders.baselines import ItemKNN, Popularity
from recexplainer.recommenders.ranking import leave_one_out
from recexplainer.stages import Extras, StageRun, stage_main
from recexplainer.tasks import next_item_retrieval
from recexplainer.tracking import registry


def run(settings: Settings, run: StageRun) -> None:
    """Audit the recommender and its floors on test users; write ``metrics/audit.json``."""
    interactions, catalogue = store.read_interactions(), store.read_catalogue()
    recommender = load_recommender(store.RECOMMENDER)
    plan = _plan(settings, interactions, Relations(catalogue, _train(settings, interactions), settings.audit.n_near))
    explained = audit_recommender(recommender, plan)
    figures: dict[str, Any] = {
        "kind": recommender.kind,
        "variant": plan.variant,
        "top_k": plan.bounds.top_k,
        "n_items": interactions.n_items,
        "n_users": len({pair.user_id for pair in plan.pairs}),
        "n_rankings": len(plan.pairs),
        "recommender": audit_figures(explained, plan),
    }
    figures["sentences"] = [asdict(said) for said in write_sentences(figures["recommender"], explained, plan)]
    for name, floor in _floors(settings, interactions).items():
        figures[name] = audit_figures(audit_recommender(floor, plan), plan)
    if settings.audit.against is not None:
        figures["against"] = _compared(settings.audit.against, explained, plan)
    for item in (item for part in ("top", "disliked", "bottom") for item in figures["recommender"][part]["items"]):
        item["title"] = catalogue.title(item["item_id"])
    store.write_json(store.AUDIT_METRICS, figures)
    _tell(figures)
    run.log_dataset(store.INTERACTIONS, "interactions", "evaluation")
    run.log_metrics({name: figures[name] for name in ("recommender", "against") if name in figures})
    run.log_artifact(store.AUDIT_METRICS)


def _tell(figures: dict[str, Any]) -> None:
    for said in figures["sentences"]:
        print(said["text"])
    if (other := figures.get("against")) and other["largest_change"] is not None:
        print(
            f"against {other['named']}: largest change {other['largest_change']:.3f} ({other['largest_change_of']}), "
            f"the same first items in {other['same_top']:.0%}"
        )
    print(f"written: {store.AUDIT_METRICS}")


def _plan(settings: Settings, interactions: Interactions, relations: Relations) -> Plan:
    chosen, build = settings.audit, settings.build_alignment
    bounds = Bounds(settings.explain.top_k, build.like_top, build.dislike_bottom)
    examples = store.read_alignment().of_split(TEST, next_item_retrieval.NAME)
    pairs = choose_pairs(examples, chosen.n_decisions, bounds.top_k)
    draws = Draws((pair.user_id for pair in pairs), chosen.n_draws, settings.run.seed)
    return Plan(interactions, pairs, relations, draws, bounds, chosen.variant, settings.run.seed)


def _train(settings: Settings, interactions: Interactions) -> Interactions:
    split = leave_one_out(interactions)
    return split.with_valid_in_train().train if settings.train_recommender.refit else split.train


def _floors(settings: Settings, interactions: Interactions) -> dict[str, Recommender]:
    """The floors as `train_recommender` measured them."""
    train, measured = _train(settings, interactions), store.read_json(store.RECOMMENDER_METRICS)
    return {
        ItemKNN.kind: ItemKNN.fit(train, **measured["item_knn_settings"]),
        Popularity.kind: Popularity.fit(train),
    }


def _compared(against: str, explained: Audit, plan: Plan) -> dict[str, Any]:
    """The audit of another recommender, for comparison with the explained one's."""
    named: dict[str, Any] = {"named": against}
    if against.startswith("models:/"):
        pulled = registry.pull_version(against)
        folder, named = pulled.folder, named | asdict(pulled.as_record())
    else:
        folder = Path(against)
    other = load_recommender(folder)
    if other.n_items != plan.interactions.n_items:
        raise InputError(
            f"audit.against: {against} knows {other.n_items} items, but the prepared data has "
            f"{plan.interactions.n_items}; only recommenders of the same catalogue can be compared"
        )
    old = audit_recommender(other, plan)
    return {**named, **compare_audits(explained, old, plan.draws), "recommender": audit_figures(old, plan)}


main = stage_main(
    "audit",
    run,
    sections=("build_alignment.like_top", "build_alignment.dislike_bottom", "explain.top_k", "train_recommender.refit"),
    extras=Extras(values={"against": "audit.against"}),
)
