from katydid.dispatch import *
