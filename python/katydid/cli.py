"""The command ``katydid``.

What needs neither gevent nor a script is answered from here at once; a run is `katydid.main`'s.
"""

from __future__ import annotations

import os
import signal
import sys


def main() -> None:
    """Runs the command with the arguments of the process, and ends it."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["target"]:
        from katydid import _core

        # The target takes Ctrl-C itself; Python's handler would raise on top of that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.exit(_core.target_main(arguments[1:]))
    if arguments in (["--version"], ["-V"]):
        print(version())
        return
    from katydid.main import main as run

    run()


def version() -> str:
    """What ``--version`` prints."""
    import katydid

    python = ".".join(str(part) for part in sys.version_info[:3])
    home = os.path.dirname(os.path.abspath(__file__))
    return f"katydid {katydid.__version__} (Locust {katydid.LOCUST_VERSION}) from {home} (Python {python})"
