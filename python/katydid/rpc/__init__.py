"""Messages between a master and its workers, as scripts and tests know them."""

from katydid.rpc import protocol as protocol
from katydid.rpc import zmqrpc as rpc
from katydid.rpc import zmqrpc as zmqrpc
from katydid.rpc.protocol import Message

__all__ = ["Message", "rpc"]
