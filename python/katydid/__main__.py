"""``python -m katydid``, and ``python -m locust`` where that is installed."""

import sys

from katydid.cli import main

sys.argv[0] = __package__ or "katydid"
main()
