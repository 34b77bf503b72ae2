"""The MLflow registry, kept of one mind with DVC.

DVC says which content a model has to have (the folder that it tracks); the registry says which version an
alias names. ``register`` ties the two: it finds or makes the version whose tag names the folder's content and
moves the alias; ``write_pointer`` notes the content, without a version number, for DVC to follow. ``pull``
goes the other way and refuses what does not agree.

The package is the public face of its modules.
"""

from recexplainer.tracking.lineage import CONTENT_TAG
from recexplainer.tracking.registry.cards import add_figures, write_card
from recexplainer.tracking.registry.models import log_model_folder
from recexplainer.tracking.registry.promoting import promote
from recexplainer.tracking.registry.pulling import pull, pull_version, version_at
from recexplainer.tracking.registry.registering import is_registered, register, write_pointer
from recexplainer.tracking.registry.roles import WORKING_ALIAS, registered_name
