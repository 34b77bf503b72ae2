"""``python -m recexplainer``: the same as the installed command."""

import sys

from recexplainer.cli import main

if __name__ == "__main__":
    sys.exit(main())
