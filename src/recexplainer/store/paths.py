"""Where every artefact is, relative to the project's root, where every stage runs."""

from __future__ import annotations

from pathlib import Path

RAW_DEMO = Path("data/raw/demo")
RAW_DEMO_CAUSES = RAW_DEMO / "causes.parquet"

EXPLAIN_TEMPLATES = Path("params/explain_templates")  # the words of requests and of `template`

PREPARED = Path("data/prepared")
INTERACTIONS = PREPARED / "interactions.parquet"
CATALOGUE = PREPARED / "catalogue.parquet"
USERS = PREPARED / "users.parquet"
DIALOGUES = PREPARED / "dialogues.jsonl"
PREPARE_REPORT = PREPARED / "report.json"

RECOMMENDER = Path("models/recommender")
RECOMMENDER_PER_USER = RECOMMENDER / "per_user.parquet"
RECOMMENDER_CHECKPOINTS = Path(".checkpoints/train_recommender")
RECOMMENDER_METRICS = Path("metrics/recommender.json")

EMBEDDED_LLM = Path("demo_llm/model")  # in git; what `make demo-llm` makes
ADAPTED_LLM = Path("models/llm")
ADAPTATION = ADAPTED_LLM / "adaptation.json"
ADAPTATION_CHECKPOINTS = Path(".checkpoints/adapt_llm")

ALIGNMENT = Path("data/alignment")
ALIGNMENT_EXAMPLES = ALIGNMENT / "examples.jsonl"
ALIGNMENT_USER_VECTORS = ALIGNMENT / "user_vectors.safetensors"
ALIGNMENT_SUMMARIES = ALIGNMENT / "summaries.jsonl"
EXPLANATION_DRAFTS = Path("data/drafts.jsonl")
EXPORT = Path("export")
ALIGNMENT_BASELINES_METRICS = Path("metrics/alignment_baselines.json")

AUDIT_METRICS = Path("metrics/audit.json")
FAITHFULNESS_PAIRS_METRICS = Path("metrics/faithfulness_pairs.json")
DISCRIMINATORS = Path("models/discriminators")
DISCRIMINATORS_METRICS = Path("metrics/discriminators.json")
REGISTRY = Path("registry")
REPORT = Path("report/index.html")
REPORT_FIGURES = Path("report/figures")  # SVG, which DVC's plots show
REPORT_IMAGES = Path("report/png")

# People's work, and what is asked outside the pipeline: in folders of their own, since `dvc repro` makes again what
# depends on results/ when anything in it changes.
SHEET = Path("ratings/sheet.csv")
RATINGS = Path("ratings/ratings.jsonl")
AGREEMENT = Path("ratings/agreement.json")

# Answers that were paid for, kept between runs: no output of a stage, so that nothing removes them.
SUMMARIES_CACHE = Path("cache/summaries.jsonl")
IN_CONTEXT_CACHE = Path("cache/in_context.jsonl")


def is_embedded(llm: str) -> bool:
    """Whether `llm.base` names the embedded LLM, in whatever words."""
    return Path(llm).resolve() == EMBEDDED_LLM.resolve()


def explainer_folder(mode: str) -> Path:
    """The aligned explainer of a mode, as ``align`` writes it."""
    return Path(f"models/explainer-{mode}")


def checkpoints_folder(mode: str) -> Path:
    """Where an interrupted alignment resumes from; not an output, and removed at the end."""
    return Path(f".checkpoints/align-{mode}")


def alignment_metrics(source: str) -> Path:
    """Alignment metrics of a mode, or of the unaligned base model (``none``)."""
    return Path(f"metrics/alignment_{source}.json")


def alignment_answers(source: str) -> Path:
    """What the explainer answered to each alignment test example."""
    return Path(f"results/alignment_{source}.jsonl")


def explanations(source: str) -> Path:
    """The explanations that a source wrote."""
    return Path(f"results/explanations_{source}.jsonl")


def explanation_blocks(stage: str, source: str) -> Path:
    """Where an interrupted stage that explains resumes from; no output, and removed at the end."""
    return Path(f".checkpoints/{stage}-{source}")


def user_explanations(source: str) -> Path:
    """What a source explained to users of one's choice: outside of results/, which the pipeline's stages watch."""
    return Path(f"explanations/{source}.jsonl")


def judgements(source: str) -> Path:
    """The judge's verdict on each explanation of a source."""
    return Path(f"results/judgements_{source}.jsonl")


def judge_metrics(source: str) -> Path:
    """Mean and counts of a source's judgements."""
    return Path(f"metrics/judge_{source}.json")


def judge_cache(source: str) -> Path:
    """The judge's answers about one source."""
    return Path(f"cache/judge_{source}.jsonl")


def faithfulness_rows(source: str) -> Path:
    """Faithfulness figures of each explanation of a source."""
    return Path(f"results/faithfulness_{source}.parquet")


def faithfulness_metrics(source: str) -> Path:
    """Faithfulness table of a source."""
    return Path(f"metrics/faithfulness_{source}.json")


def sheet_key(sheet: Path) -> Path:
    """The key of a raters' sheet, next to it: whose text each row shows."""
    return sheet.with_suffix(".key.jsonl")


def comparison(first: str, second: str) -> Path:
    """Which of two sources' texts the judge prefers, case by case."""
    return Path(f"comparisons/{first}-{second}.json")


def comparison_cache(first: str, second: str) -> Path:
    """Answers about pairs of texts that were paid for; the same whichever source is named first."""
    return Path(f"cache/compare_{'_'.join(sorted((first, second)))}.jsonl")


def pointer(role: str) -> Path:
    """The pointer that ties a DVC-tracked model to its registered version."""
    if role.startswith(("source-classifier", "score-predictor-")):
        return REGISTRY / "discriminators" / f"{role}.json"
    return REGISTRY / f"{role}.json"
