"""`python -m model`: see cli.py."""

import os
import sys

# Idle threads sleep instead of spinning: beside a web server and its workers that doubles the speed, and
# alone it costs little. Must be set before torch is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from model.cli import main

if __name__ == "__main__":
    sys.exit(main())
