from katydid.main import *
