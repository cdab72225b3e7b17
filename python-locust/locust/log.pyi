from katydid.log import *
