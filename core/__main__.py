"""`python -m core VERB ...`: the road of the dashboard without the browser."""

import sys

from core.cli import main

if __name__ == "__main__":
    sys.exit(main())
