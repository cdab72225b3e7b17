from katydid.contrib.mongodb import *
