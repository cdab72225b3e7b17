"""The command ``katydid``, which ``katydid-locust`` also installs as ``locust``.

What needs neither gevent nor a script is answered from here at once; a run is `katydid.main`'s.
"""

from __future__ import annotations

import os
import signal
import sys

RUNS = ("runs", "show", "report", "compare", "delete", "export", "import")
"""Commands that look at runs that are kept."""


def main() -> None:
    """Runs the command with the arguments of the process, and ends it."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["target"]:
        from katydid import _core

        # The target takes Ctrl-C itself; Python's handler would raise on top of that.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        sys.exit(_core.target_main(arguments[1:]))
    if arguments[:1] in (["completions"], ["man"]) and not os.path.exists(arguments[0]):
        _describe(arguments)
        return
    if arguments[:1] == ["web-user"] and not os.path.exists(arguments[0]):
        from katydid import web_access

        web_access.print_line(arguments[1:])
        return
    if arguments[:1] in ([command] for command in RUNS) and not os.path.exists(arguments[0]):
        from katydid import _core

        sys.exit(_core.runs_main(arguments))
    if arguments in (["--version"], ["-V"]):
        print(version())
        return
    if any(word.startswith(("http://", "https://")) for word in arguments):
        from katydid import _core

        # A URL and no script: nothing of it is Python's.
        if _core.is_url_mode(arguments):
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            sys.exit(_core.urls_main([sys.executable, "-m", "katydid"], arguments))
    from katydid.main import main as run

    run()


def program() -> str:
    """What the command was called by: ``locust``, where that is installed, or ``katydid``."""
    return "locust" if os.path.splitext(os.path.basename(sys.argv[0]))[0] == "locust" else "katydid"


def _describe(arguments: list[str]) -> None:
    """Prints the manual page, or what a shell completes the command line by."""
    from katydid import _core

    if arguments == ["man"]:
        print(_core.manual(), end="")
        return
    script = _core.completions(arguments[1]) if len(arguments) == 2 else None
    if script is None:
        sys.stderr.write("Name the shell: katydid completions bash, zsh or fish\n")
        sys.exit(2)
    print(script, end="")


def version() -> str:
    """What ``--version`` prints: first the name the command was called by, and its version."""
    import katydid

    names = [f"katydid {katydid.__version__}", f"Locust {katydid.LOCUST_VERSION}"]
    if program() == "locust":
        names = [f"locust {katydid.LOCUST_VERSION}", f"Katydid {katydid.__version__}"]
    python = ".".join(str(part) for part in sys.version_info[:3])
    home = os.path.dirname(os.path.abspath(__file__))
    return f"{names[0]} ({names[1]}) from {home} (Python {python})"
