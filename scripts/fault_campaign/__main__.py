"""Entry: `python3 -m fault_campaign`, as `scripts/fault_campaign.sh` starts it."""

import sys

from .driver import main

sys.exit(main(sys.argv[1:]))
