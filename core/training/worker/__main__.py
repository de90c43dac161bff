"""`python -m core.training.worker FOLDER ATTEMPT`: train one run."""

import sys
from pathlib import Path

from core.training.worker.attempt import main

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), int(sys.argv[2])))
