from katydid.rpc import *
