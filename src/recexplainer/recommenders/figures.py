"""Figures of a recommender's training and of its evaluation against others, for the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from recexplainer.core.figures import COLOURS, CONTROL, SOFT, make_panels, styled

STRONG, CONTROLS = COLOURS["accent"], (COLOURS["none"], CONTROL)
MARKERS = ("o", "s", "^", "D")
FAMILIES = ("hr", "ndcg")


@styled
def learning_curve(curve: Sequence[Mapping[str, float]], best_epoch: int) -> Figure:
    """One panel per metric over the epochs, from 1; a line marks the epoch whose state was kept."""
    names = list(dict.fromkeys(name for metrics in curve for name in metrics))
    figure, panels = make_panels(len(names))
    for axes, name in zip(panels, names, strict=True):
        epochs = [epoch for epoch, metrics in enumerate(curve, start=1) if name in metrics]
        values = [metrics[name] for metrics in curve if name in metrics]
        axes.plot(epochs, values, color=STRONG, linewidth=2, marker="o" if len(epochs) == 1 else None)
        axes.axvline(best_epoch, color=SOFT, linewidth=1, linestyle=":")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_xlabel(f"epoch (the state of epoch {best_epoch} was kept)")
        axes.set_title(_title(name))
    return figure


@styled
def metrics_by_cutoff(metrics: Mapping[str, Mapping[str, float]]) -> Figure:
    """HR@k and NDCG@k of several recommenders over the cut-off k; the first is drawn strong.

    Args:
        metrics: By recommender, what `ranking_metrics` gives for one part.
    """
    figure, panels = make_panels(len(FAMILIES))
    for axes, family in zip(panels, FAMILIES, strict=True):
        for place, (name, values) in enumerate(metrics.items()):
            points = _points(values, family)
            axes.plot(
                [cutoff for cutoff, _ in points],
                [value for _, value in points],
                color=CONTROLS[(place - 1) % len(CONTROLS)] if place else STRONG,
                linewidth=1.5 if place else 2,
                marker=MARKERS[place % len(MARKERS)],
                markersize=5,
                label=name,
            )
            axes.set_xticks([cutoff for cutoff, _ in points])
        axes.set_ylim(bottom=0)
        axes.set_xlabel("cut-off")
        axes.set_title(family.upper())
    panels[0].legend()
    return figure


def _points(values: Mapping[str, float], family: str) -> list[tuple[int, float]]:
    """The cut-offs and values of the metrics `family@k`, by rising k."""
    split = [(*name.partition("@"), value) for name, value in values.items()]
    return sorted((int(cutoff), value) for found, _, cutoff, value in split if found == family)


def _title(name: str) -> str:
    part, _, metric = name.partition("_")
    return f"{metric.upper() if '@' in metric else metric}, {part}"
