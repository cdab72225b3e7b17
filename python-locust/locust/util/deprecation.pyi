from katydid.util.deprecation import *
