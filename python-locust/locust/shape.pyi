from katydid.shape import *
