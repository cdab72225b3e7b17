"""Numbers of bytes as people write them: ``500MB``, ``5GB``."""

from __future__ import annotations

import re


def parse_size(text: str) -> int:
    """The bytes that a text such as ``500MB`` or ``5GB`` stands for.

    Args:
        text: A number with B, KB, MB, GB or TB, which are powers of 1000.

    Raises:
        ValueError: It is not written that way.
    """
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)B?", text.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{text!r} is no size: write 500MB or 5GB")
    return int(float(found[1]) * 1000 ** " KMGT".index(found[2].upper() or " "))
