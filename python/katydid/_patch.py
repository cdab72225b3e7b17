"""Makes the standard library cooperate with gevent.

The one import-time side effect of Katydid: blocking calls of the standard library (sockets, sleeps, locks)
must switch to another user instead of stopping all of them. Every module that touches gevent imports this
one first, so the patch is in place before anything else can bind the originals.

Environment variables of Locust's steer it: ``LOCUST_SKIP_MONKEY_PATCH`` switches it off,
``LOCUST_SKIP_URLLIB3_PATCH`` only what `patch_urllib3` does, ``LOCUST_PLAYWRIGHT`` is no longer needed.
"""

from __future__ import annotations

import os
import sys
import warnings

from gevent import monkey


def _patch_standard_library() -> None:
    """Patches everything gevent knows how to patch, unless it has been done already."""
    if monkey.is_module_patched("socket"):
        return
    with warnings.catch_warnings():
        # gevent warns when `ssl` was imported before; a host program may have had to.
        warnings.simplefilter("ignore", monkey.MonkeyPatchWarning)
        monkey.patch_all()


def patch_urllib3() -> None:
    """Gives urllib3's connection pools a queue of gevent's; called by whoever imports urllib3 first."""
    if os.environ.get("LOCUST_SKIP_MONKEY_PATCH") or os.environ.get("LOCUST_SKIP_URLLIB3_PATCH"):
        return
    from gevent.queue import LifoQueue
    from urllib3.connectionpool import ConnectionPool

    ConnectionPool.QueueCls = LifoQueue  # type: ignore[assignment]  # it has the same methods


# A script that uses what is deprecated hears of it each time, as Python would not have it by default.
warnings.filterwarnings("always", category=DeprecationWarning, module="locust|katydid")

if not os.environ.get("LOCUST_SKIP_MONKEY_PATCH"):
    _patch_standard_library()

if os.environ.get("LOCUST_PLAYWRIGHT"):
    print("LOCUST_PLAYWRIGHT is set, and no longer needed: trio is not patched any more.", file=sys.stderr)
