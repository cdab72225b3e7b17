"""``python -m katydid``."""

from katydid.cli import main

main()
