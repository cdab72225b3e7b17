from katydid.rpc.protocol import *
