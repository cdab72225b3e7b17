from katydid.util.rounding import *
