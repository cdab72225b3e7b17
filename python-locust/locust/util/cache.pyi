from katydid.util.cache import *
