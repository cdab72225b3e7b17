from katydid.clients import *
