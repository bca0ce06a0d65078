"""Entry: `python3 -m agreement`, as `scripts/agreement.sh` starts it."""

import sys

from . import checks  # noqa: F401  (adds all checks to the table)
from .driver import main

sys.exit(main(sys.argv[1:]))
