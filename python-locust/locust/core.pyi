from katydid.legacy import *
