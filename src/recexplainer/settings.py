"""One frozen dataclass per section of params.yaml: no defaults here, the values stand in params.yaml alone.

A new parameter is a field here and a line in params.yaml. Checks of single values live in ``__post_init__``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import yaml

from recexplainer.errors import InputError
from recexplainer.settings_parsing import apply_overrides, build_section

PARAMS_FILE = Path("params.yaml")
ALIGNED_MODES = ("behaviour", "intention", "both")
ATTENTIONS = ("sdpa", "flex_attention", "eager")
ITEM_INITS = ("random", "spectral")
SCHEDULES = ("constant", "cosine")
RANKINGS = ("constrained", "free")
RAW_FORMATS = ("amazon_2018", "amazon_2023", "movielens", "steam", "table")
SOURCES = (*ALIGNED_MODES, "none")
AUDIENCES = ("end_user", "developer", "auditor")
MAX_FOCUS_CHARACTERS = 80


def _require(holds: bool, where: str, expected: str) -> None:
    if not holds:
        raise InputError(f"params: {where} must be {expected}")


def _require_one_of(value: str, known: tuple[str, ...], where: str) -> None:
    _require(value in known, where, f"one of {', '.join(known)}, not {value!r}")


@dataclass(frozen=True)
class Run:
    """What holds for every stage: the seed of all generators, the torch threads of one stage, and how many
    sources' stages the entry point `main` runs side by side.
    """

    seed: int
    threads: int
    parallel: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.threads >= 1, "run.threads", "at least 1")
        _require(self.parallel >= 1, "run.parallel", "at least 1")


@dataclass(frozen=True)
class Columns:
    """Names of the columns of a generic table; null where the table has no such column."""

    user: str
    item: str
    order: str | None
    time: str | None
    rating: str | None
    item_key: str
    title: str
    brand: str | None
    categories: str | None
    description: str | None


@dataclass(frozen=True)
class Dataset:
    """Which raw data to read, and in which format."""

    name: str
    raw: str
    format: str
    interactions_file: str | None
    items_file: str | None
    dialogues_file: str | None
    columns: Columns
    max_bad_lines: int

    def __post_init__(self) -> None:
        """Check names that end up in paths and in the registry."""
        _require_one_of(self.format, RAW_FORMATS, "dataset.format")
        plain = bool(self.name) and all(c.isalnum() or c in "-_." for c in self.name)
        _require(plain, "dataset.name", f"letters, digits, '-', '_' and '.' only, not {self.name!r}")
        _require(self.max_bad_lines >= 0, "dataset.max_bad_lines", "at least 0")


@dataclass(frozen=True)
class GenerateDemo:
    """Size and seed of the invented demo world."""

    seed: int
    n_users: int
    n_items: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.n_users >= 1, "generate_demo.n_users", "at least 1")
        _require(self.n_items >= 60, "generate_demo.n_items", "at least 60, or users run out of games")


@dataclass(frozen=True)
class Split:
    """Shares of users for alignment and explanations; they sum to 1."""

    train: float
    valid: float
    test: float

    def __post_init__(self) -> None:
        """Check the sum."""
        parts = (self.train, self.valid, self.test)
        _require(all(p >= 0 for p in parts), "prepare.split", "shares of at least 0")
        _require(abs(sum(parts) - 1) < 1e-6, "prepare.split", f"shares that sum to 1, not {sum(parts):g}")


@dataclass(frozen=True)
class Prepare:
    """Which interactions, items and users are kept."""

    min_rating: float
    k_core: int
    untitled_items: str
    max_items: int | None
    max_users: int | None
    min_user_items: int
    split: Split

    def __post_init__(self) -> None:
        """Check the choice."""
        _require_one_of(self.untitled_items, ("drop", "keep"), "prepare.untitled_items")


@dataclass(frozen=True)
class RecommenderChoice:
    """Which recommender is trained and explained."""

    kind: str

    def __post_init__(self) -> None:
        """Check the kind."""
        _require_one_of(self.kind, ("sasrec", "gru4rec", "mf", "external"), "recommender.kind")


@dataclass(frozen=True)
class SequenceModel:
    """Architecture and training of a sequential recommender, as far as all kinds have it."""

    dim: int
    n_layers: int
    max_length: int
    dropout: float
    temperature: float | None
    learning_rate: float
    weight_decay: float
    batch_size: int
    max_epochs: int
    patience: int
    n_negatives: int | None
    item_init: str
    schedule: str

    def __post_init__(self) -> None:
        """Check the choices."""
        where = f"train_recommender.{type(self).__name__.lower()}"
        _require_one_of(self.item_init, ITEM_INITS, f"{where}.item_init")
        _require_one_of(self.schedule, SCHEDULES, f"{where}.schedule")


@dataclass(frozen=True)
class Sasrec(SequenceModel):
    """The self-attentive sequential recommender."""

    n_heads: int


@dataclass(frozen=True)
class Gru4rec(SequenceModel):
    """The recurrent sequential recommender."""


@dataclass(frozen=True)
class Mf:
    """Implicit matrix factorisation by alternating least squares."""

    dim: int
    iterations: int
    regularisation: float
    confidence: float


@dataclass(frozen=True)
class External:
    """A recommender that was made elsewhere: ``adapter`` and ``model`` lie in ``folder``, which DVC watches."""

    folder: str
    adapter: str | None  # file.py or file.py:Class
    model: str | None  # null: the folder itself; or an MLflow URI
    max_missing_items: float  # the share of the catalogue that item vectors may lack
    regularisation: float  # of a user's vector, folded in
    confidence: float

    def __post_init__(self) -> None:
        """Check the ranges."""
        where = "train_recommender.external"
        _require(bool(self.folder), f"{where}.folder", "a folder")
        _require(0 <= self.max_missing_items < 1, f"{where}.max_missing_items", "a share from 0 to below 1")
        _require(self.regularisation > 0, f"{where}.regularisation", "above 0")
        _require(self.confidence >= 0, f"{where}.confidence", "at least 0")


@dataclass(frozen=True)
class ItemKnn:
    """The item-neighbourhood floor."""

    n_neighbours: int


@dataclass(frozen=True)
class TrainRecommender:
    """Hyper-parameters of every kind of recommender."""

    refit: bool
    sasrec: Sasrec
    gru4rec: Gru4rec
    mf: Mf
    external: External
    item_knn: ItemKnn


@dataclass(frozen=True)
class Llm:
    """The base language model: a hub name with a revision, or a local folder."""

    base: str
    revision: str | None
    chat_template: str | None


@dataclass(frozen=True)
class ApiModel:
    """A model behind an OpenAI-compatible server, and what one run may take of it; `section` is where it stands."""

    section: ClassVar[str]
    base_url: str | None
    model: str | None
    max_calls: int
    max_cost: float | None  # in the currency of the prices
    price_per_million_prompt_tokens: float | None
    price_per_million_completion_tokens: float | None
    concurrency: int  # requests at the same time, of each endpoint

    def __post_init__(self) -> None:
        """Check the bounds."""
        _require(self.concurrency >= 1, f"{self.section}.concurrency", "at least 1")
        prices = (self.price_per_million_prompt_tokens, self.price_per_million_completion_tokens)
        known = [price for price in prices if price is not None]
        where = f"{self.section}.price_per_million_…_tokens"
        _require(len(known) != 1, where, "given for both kinds of token, or for none")
        _require(all(price >= 0 for price in known), where, "at least 0")
        _require(self.max_cost is None or len(known) == 2, f"{self.section}.max_cost", "null where the prices are null")


# --- alignment and explainer: the sections below belong to the alignment code ------------------------------


@dataclass(frozen=True)
class Summaries(ApiModel):
    """Who writes the summaries of training users' tastes: a rule, from the catalogue, or a model behind an API."""

    section: ClassVar[str] = "summaries"
    author: str
    max_failed: float  # share of the histories

    def __post_init__(self) -> None:
        """Check the author and the bounds."""
        super().__post_init__()
        _require_one_of(self.author, ("catalogue", "api"), "summaries.author")
        _require(0 <= self.max_failed < 1, "summaries.max_failed", "a share from 0 to below 1")


@dataclass(frozen=True)
class BuildAlignment:
    """How alignment examples are drawn from the recommender."""

    max_history: int  # the newest items that a prompt shows
    min_history: int
    positions_per_user: int  # of a training user
    eval_positions_per_user: int  # the newest positions of a valid or test user
    n_candidates: int  # of item ranking, at most 5
    rankings_per_history: int  # of a training user; the others get one
    classifications_per_history: int  # of a training user
    eval_classifications_per_history: int
    verdicts_per_history: int  # classifications in the words of the explanation
    like_top: float
    dislike_bottom: float
    n_dialogues: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        for name in (
            "max_history",
            "min_history",
            "positions_per_user",
            "eval_positions_per_user",
            "rankings_per_history",
            "classifications_per_history",
            "eval_classifications_per_history",
        ):
            _require(getattr(self, name) >= 1, f"build_alignment.{name}", "at least 1")
        _require(2 <= self.n_candidates <= 5, "build_alignment.n_candidates", "2 to 5")
        for name in ("like_top", "dislike_bottom"):
            _require(0 < getattr(self, name) < 1, f"build_alignment.{name}", "a share between 0 and 1")
        shares = self.like_top + self.dislike_bottom
        _require(shares <= 1, "build_alignment.like_top + dislike_bottom", f"at most 1, not {shares:g}")


@dataclass(frozen=True)
class DraftExplanations:
    """How many explanations of training users' verdicts the base language model drafts, and at which length."""

    n_drafts: int  # 0: none
    max_prompt_tokens: int
    max_new_tokens: int
    batch_size: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        _require(self.n_drafts >= 0, "draft_explanations.n_drafts", "0 or more")


@dataclass(frozen=True)
class Lora:
    """The adapter: ``targets`` is ``all-linear``, or names of linear layers separated by commas."""

    r: int
    alpha: int
    dropout: float
    targets: str


@dataclass(frozen=True)
class Align:
    """How the language model is aligned; ``modes`` drives the DVC matrix."""

    modes: list[str]
    epochs: dict[str, float]  # by mode
    learning_rate: float  # of the adapter
    connector_learning_rate: float
    connector_hidden_size: int
    warm_start_steps: int  # of fitting the connectors before the LLM; 0 starts them at random, as the paper does
    warmup: float  # share of the steps
    row_tokens: int
    rows_per_step: int
    attention: str
    gradient_checkpointing: bool
    compile: bool  # the LLM's layers, before training
    four_bit: bool  # the LLM's weights while the adapter learns (QLoRA)
    n_categories: int  # how many categories stand behind a title in a prompt
    lora: Lora
    mixture: dict[str, float]  # how often an example of a task (or task/aspect) is seen in one epoch
    weights: dict[str, float]  # of the loss, by task
    both_forms: dict[str, float]  # shares of the three forms in mode both
    logging_steps: int
    save_steps: int

    def __post_init__(self) -> None:
        """Check the modes."""
        for mode in self.modes:
            _require_one_of(mode, ALIGNED_MODES, "align.modes")
        _require(
            self.attention in ATTENTIONS,
            "align.attention",
            f"one of {', '.join(ATTENTIONS)}, not {self.attention!r}: only they take a mask of its own for each token, "
            "which rows of packed examples need",
        )
        _require(len(set(self.modes)) == len(self.modes), "align.modes", "without repeats")
        for name in ("epochs", "both_forms"):
            named = sorted(getattr(self, name)) == sorted(ALIGNED_MODES)
            _require(named, f"align.{name}", f"a number for each of {', '.join(ALIGNED_MODES)}")

    @property
    def rows_are_filled(self) -> bool:
        """Whether every row is filled up to `row_tokens`: what is compiled is compiled for one length."""
        return self.compile or self.attention == "flex_attention"


@dataclass(frozen=True)
class EvaluateAlignment:
    """How alignment is measured."""

    tasks: list[str]
    n_beams: int
    ranking: str  # whether its answers are constrained to the candidates
    max_title_tokens: int
    max_prompt_tokens: int
    row_tokens: int
    batch_size: int
    n_draws: int  # of users, for the intervals; 0: no intervals

    def __post_init__(self) -> None:
        """Check the choice."""
        _require_one_of(self.ranking, RANKINGS, "evaluate_alignment.ranking")
        _require(self.n_draws >= 0, "evaluate_alignment.n_draws", "at least 0")


@dataclass(frozen=True)
class InContext(ApiModel):
    """LLMs without alignment that are shown solved questions about training users first: `none`, the base, or `api`."""

    section: ClassVar[str] = "evaluate_baselines.in_context"
    answerers: list[str]
    n_shown: int  # solved questions before each
    n_questions: int | None  # of each task; None: all

    def __post_init__(self) -> None:
        """Check who answers, and the counts."""
        super().__post_init__()
        for answerer in self.answerers:
            _require_one_of(answerer, ("none", "api"), f"{self.section}.answerers")
        _require(len(set(self.answerers)) == len(self.answerers), f"{self.section}.answerers", "without repeats")
        _require(self.n_shown >= 1, f"{self.section}.n_shown", "at least 1")
        _require(
            self.n_questions is None or self.n_questions >= 1, f"{self.section}.n_questions", "at least 1, or null"
        )


@dataclass(frozen=True)
class EvaluateBaselines:
    """What the explainers are held against."""

    student_epochs: int
    in_context: InContext


@dataclass(frozen=True)
class Explain:
    """Which sources explain (aligned modes and ``none``, the base language model), what, for whom, and how."""

    sources: list[str]
    n_cases: int
    top_k: int  # positive cases are drawn from the recommender's top k
    template: str | None  # a file with the request's words; null: those of the alignment
    focus: str | None  # an aspect to speak of above all
    max_sentences: int | None  # what is asked for; max_new_tokens is what cuts
    audience: str | None
    max_prompt_tokens: int
    max_new_tokens: int
    batch_size: int
    save_every: int
    shard: str

    def __post_init__(self) -> None:
        """Check the sources, the ranges and what goes into prompts."""
        for source in self.sources:
            _require_one_of(source, SOURCES, "explain.sources")
        _require(len(set(self.sources)) == len(self.sources), "explain.sources", "without repeats")
        for name in ("n_cases", "top_k", "max_new_tokens", "batch_size", "save_every"):
            _require(getattr(self, name) >= 1, f"explain.{name}", "at least 1")
        _require(self.max_sentences is None or self.max_sentences >= 1, "explain.max_sentences", "at least 1, or null")
        if self.audience is not None:
            _require_one_of(self.audience, AUDIENCES, "explain.audience")
        if self.focus is not None:
            words = self.focus.strip() and self.focus.isprintable() and len(self.focus) <= MAX_FOCUS_CHARACTERS
            _require(bool(words), "explain.focus", f"words on one line, at most {MAX_FOCUS_CHARACTERS} characters")
        number, of = self.part
        _require(1 <= number <= of, "explain.shard", f"like 2/4, the second of four parts, not {self.shard!r}")

    @property
    def part(self) -> tuple[int, int]:
        """The shard's number, from 1, and how many there are; (0, 0) for what is none."""
        number, _, of = self.shard.partition("/")
        return (int(number), int(of)) if number.isdecimal() and of.isdecimal() else (0, 0)


# --- explanations ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Judge(ApiModel):
    """Who judges the explanations: the embedded rubric, or an OpenAI-compatible server."""

    section: ClassVar[str] = "judge"
    backend: str
    n_repeats: int
    n_traces: int

    def __post_init__(self) -> None:
        """Check the backend and the bounds."""
        super().__post_init__()
        _require_one_of(self.backend, ("rubric", "openai"), "judge.backend")
        _require(self.n_repeats >= 1, "judge.n_repeats", "at least 1")


@dataclass(frozen=True)
class Faithfulness:
    """Cut-offs and random controls of the faithfulness metrics."""

    top_ks: list[int]
    n_random: int

    def __post_init__(self) -> None:
        """Check the bounds."""
        _require(all(k >= 1 for k in self.top_ks), "faithfulness.top_ks", "a list of numbers of at least 1")
        _require(self.n_random >= 1, "faithfulness.n_random", "at least 1")


@dataclass(frozen=True)
class Encoder:
    """The pre-trained model that is fine-tuned to read explanations, beside the linear models."""

    base: str | None  # a hub name or a folder; None: nothing is fine-tuned
    revision: str | None  # of a hub name
    n_layers: int | None  # the lowest so many; None: all
    epochs: float
    batch_size: int
    learning_rate: float
    max_tokens: int  # of an explanation

    def __post_init__(self) -> None:
        """Check the ranges."""
        where = "discriminate.encoder"
        _require(self.n_layers is None or self.n_layers >= 1, f"{where}.n_layers", "at least 1, or null")
        for name in ("batch_size", "max_tokens"):
            _require(getattr(self, name) >= 1, f"{where}.{name}", "at least 1")
        for name in ("epochs", "learning_rate"):
            _require(getattr(self, name) > 0, f"{where}.{name}", "above 0")


@dataclass(frozen=True)
class Discriminate:
    """The models that read explanations: they tell sources apart and predict scores."""

    test_fraction: float
    max_features: int  # of the linear models over words
    encoder: Encoder


@dataclass(frozen=True)
class Report:
    """What the HTML report shows."""

    n_cases: int


# --- registry ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Registry:
    """``alias``: the registry alias whose version evaluation and explanation load."""

    alias: str


@dataclass(frozen=True)
class Gate:
    """One condition of a promotion: ``metric`` is ``<metrics file>:<dotted key>``; a bound may be null."""

    metric: str
    at_least: float | None
    at_most: float | None


@dataclass(frozen=True)
class Promote:
    """Gates per role; a role without an entry is promoted without a gate."""

    gates: dict[str, list[Gate]]


@dataclass(frozen=True)
class Settings:
    """All of params.yaml."""

    run: Run
    dataset: Dataset
    generate_demo: GenerateDemo
    prepare: Prepare
    recommender: RecommenderChoice
    train_recommender: TrainRecommender
    llm: Llm
    build_alignment: BuildAlignment
    summaries: Summaries
    draft_explanations: DraftExplanations
    align: Align
    evaluate_alignment: EvaluateAlignment
    evaluate_baselines: EvaluateBaselines
    explain: Explain
    judge: Judge
    faithfulness: Faithfulness
    discriminate: Discriminate
    report: Report
    registry: Registry
    promote: Promote

    def __post_init__(self) -> None:
        """Check what ties two sections together."""
        for source in self.explain.sources:
            if source != "none" and source not in self.align.modes:
                raise InputError(
                    f"params: explain.sources names {source!r}, which align.modes {list(self.align.modes)} "
                    "does not align; change both lists together"
                )


def parse_settings(values: Any, origin: str = "params.yaml") -> Settings:
    """Build the settings from nested mappings.

    Raises:
        InputError: for an unknown, missing or wrongly typed key, with its dotted name.
    """
    built: Settings = build_section(Settings, values, origin=origin, at="")
    return built


def load_settings(path: Path | str = PARAMS_FILE, overrides: list[str] | None = None) -> Settings:
    """Read params.yaml and apply ``section.key=value`` overrides, typed as the overridden field is.

    Raises:
        InputError: when the file is missing or malformed, or a key or value does not fit.
    """
    return parse_settings(apply_overrides(Settings, read_params(path), overrides or []), origin=str(path))


def read_params(path: Path | str = PARAMS_FILE) -> dict[str, Any]:
    """Read params.yaml as nested mappings, unchecked.

    Raises:
        InputError: when the file is missing or is no YAML mapping.
    """
    try:
        values = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path}: no such file; run the stage in the project's root, or pass --params") from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise InputError(f"{path}: is not valid YAML: {error}") from None
    if not isinstance(values, dict):
        raise InputError(f"{path}: must hold a mapping of sections")
    return values
