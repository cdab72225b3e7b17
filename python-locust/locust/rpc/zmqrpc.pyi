from katydid.rpc.zmqrpc import *
