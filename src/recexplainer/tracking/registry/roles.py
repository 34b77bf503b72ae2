"""The roles that registered models have, and the names that they bear."""

from __future__ import annotations

from fnmatch import fnmatchcase

from recexplainer.core.errors import InputError
from recexplainer.core.settings.registry import ROLES

WORKING_ALIAS = "candidate"
SERVED = {  # the start of a role → the package whose served.py answers for it
    "recommender-": "recommenders",
    "explainer-": "explaining",
    "source-classifier": "discriminators",
    "score-predictor-": "discriminators",
}

ABOUT = {  # a pattern of roles, of which the first one that fits counts → what the registered model is
    "recommender-*": "The recommender whose decisions are explained.",
    "explainer-*": "Explains the recommender's decisions: adapter and connectors of an LLM aligned to it.",
    "source-classifier": "Tells from an explanation's words which source wrote it.",
    "source-classifier-encoder": "Tells from an explanation which source wrote it, by a fine-tuned encoder.",
    "score-predictor-*-encoder": "Predicts the recommender's score from an explanation, by a fine-tuned encoder.",
    "score-predictor-*": "Predicts the recommender's score from an explanation's words.",
}


def about(role: str) -> str:
    """What a role's model is.

    >>> about("explainer-both")[:8]
    'Explains'
    """
    return next(text for pattern, text in ABOUT.items() if fnmatchcase(role, pattern))


def registered_name(dataset: str, role: str) -> str:
    """The registry's name of a role's model.

    Raises:
        InputError: for a role that does not exist.
    """
    package_of(role)
    return f"recexplainer-{dataset}-{role}"


def package_of(role: str) -> str:
    """The package whose served.py answers for a role.

    Raises:
        InputError: for a role that does not exist.
    """
    if role not in ROLES:
        raise InputError(f"registry: {role!r} is not a role; roles are {', '.join(ROLES)}")
    return next(package for start, package in SERVED.items() if role.startswith(start))
