from katydid.stats import *
