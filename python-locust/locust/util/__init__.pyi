from katydid.util import *
