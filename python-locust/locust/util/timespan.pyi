from katydid.util.timespan import *
