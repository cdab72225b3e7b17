from katydid.contrib.qdrant import *
