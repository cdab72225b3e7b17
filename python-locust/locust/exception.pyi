from katydid.exception import *
