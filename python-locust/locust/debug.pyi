from katydid.debug import *
