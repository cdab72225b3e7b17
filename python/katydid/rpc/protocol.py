"""One message between a master and a worker."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from katydid import _core

_DATE = "%Y%m%dT%H:%M:%S.%f"


def encode(obj: Any) -> Any:
    """What msgpack is to write for what it does not know: dates."""
    return {"__datetime__": True, "as_str": obj.strftime(_DATE)} if isinstance(obj, datetime) else obj


def decode(obj: Any) -> Any:
    """What a dict that msgpack has read stands for."""
    return datetime.strptime(obj["as_str"], _DATE) if "__datetime__" in obj else obj


class Message:
    """What one node tells another.

    Args:
        message_type: What it is about: ``spawn``, ``stats``, or a script's own word.
        data: Whatever goes with it: numbers, texts, lists, dicts, dates.
        node_id: Who sends it, or whom it is for.
    """

    def __init__(self, message_type: str, data: Any, node_id: str | None) -> None:
        self.type = message_type
        self.data = data
        self.node_id = node_id

    def __repr__(self) -> str:
        return f"<Message {self.type}:{self.node_id}>"

    def serialize(self) -> bytes:
        """The message as bytes.

        Raises:
            TypeError: There is something in it that cannot be sent.
        """
        return _core.encode_message(self.type, self.data, self.node_id)

    @classmethod
    def unserialize(cls, data: bytes) -> Message:
        """The message that bytes stand for.

        Raises:
            ValueError: They stand for none.
        """
        return cls(*_core.decode_message(data))
