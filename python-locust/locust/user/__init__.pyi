from katydid.user import *
