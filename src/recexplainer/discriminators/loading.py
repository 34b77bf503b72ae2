"""Load whichever model reads explanations from a folder."""

from __future__ import annotations

from pathlib import Path

from recexplainer.discriminators.model import load_text_model
from recexplainer.discriminators.text_model import ENCODER_FILE, TextModel


def load_discriminator(folder: Path | str) -> TextModel:
    """A linear model over words, or a fine-tuned encoder; torch is imported for an encoder alone.

    Raises:
        InputError: when the folder holds neither, or what it holds is damaged.
    """
    if (Path(folder) / ENCODER_FILE).exists():
        from recexplainer.discriminators.encoder import load_encoder_model

        return load_encoder_model(folder)
    return load_text_model(folder)
