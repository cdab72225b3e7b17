"""Makes the standard library cooperate with gevent.

The one import-time side effect of Katydid: blocking calls of the standard library (sockets, sleeps, locks)
must switch to another user instead of stopping all of them. Every module that touches gevent imports this
one first, so the patch is in place before anything else can bind the originals.

The environment variable ``LOCUST_SKIP_MONKEY_PATCH``, which is Locust's, switches it off.
"""

from __future__ import annotations

import os
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


if not os.environ.get("LOCUST_SKIP_MONKEY_PATCH"):
    _patch_standard_library()
