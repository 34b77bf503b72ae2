"""Where every artefact lies, and how it is read and written: one schema per kind of file.

The package is the public face of its modules: `store.CATALOGUE`, `store.read_catalogue()`. No module has the name of
what it holds, which it would hide.
"""

from recexplainer.store.alignment import (
    read_alignment,
    read_drafts,
    write_alignment,
    write_answers,
    write_drafts,
    write_vectors,
)
from recexplainer.store.atomic import atomic_path, remove
from recexplainer.store.paths import (
    ADAPTATION,
    ADAPTATION_CHECKPOINTS,
    ADAPTED_LLM,
    AGREEMENT,
    ALIGNMENT,
    ALIGNMENT_BASELINES_METRICS,
    ALIGNMENT_SUMMARIES,
    AUDIT_METRICS,
    CATALOGUE,
    DIALOGUES,
    DISCRIMINATORS,
    DISCRIMINATORS_METRICS,
    EMBEDDED_LLM,
    EXPLANATION_DRAFTS,
    EXPORT,
    FAITHFULNESS_PAIRS_METRICS,
    IN_CONTEXT_CACHE,
    INTERACTIONS,
    PREPARE_REPORT,
    PREPARED,
    RATINGS,
    RAW_DEMO,
    RAW_DEMO_CAUSES,
    RECOMMENDER,
    RECOMMENDER_METRICS,
    RECOMMENDER_PER_USER,
    REPORT,
    REPORT_FIGURES,
    REPORT_IMAGES,
    SHEET,
    SUMMARIES_CACHE,
    USERS,
    alignment_answers,
    alignment_metrics,
    checkpoints_folder,
    comparison,
    comparison_cache,
    explainer_folder,
    explanation_blocks,
    explanations,
    faithfulness_metrics,
    faithfulness_rows,
    judge_cache,
    judge_metrics,
    judgements,
    pointer,
    sheet_key,
    user_explanations,
)
from recexplainer.store.pointers import read_pointer
from recexplainer.store.prepared import (
    copy_catalogue,
    read_catalogue,
    read_causes,
    read_dialogues,
    read_interactions,
    read_item_texts,
    read_raw_ids,
    read_users,
    write_catalogue,
    write_dialogues,
    write_interactions,
    write_users,
)
from recexplainer.store.records import (
    read_explanations,
    read_judgements,
    read_ratings,
    read_sheet_key,
    read_user_explanations,
    write_comparison,
    write_explanations,
    write_judgements,
    write_ratings,
    write_sheet_key,
    write_user_explanations,
)
from recexplainer.store.tables import read_parquet, write_csv, write_parquet
from recexplainer.store.texts import (
    read_json,
    read_jsonl,
    read_text,
    write_json,
    write_json_rows,
    write_jsonl,
    write_text,
)
from recexplainer.store.typed import from_row, read_records, to_row, write_records
