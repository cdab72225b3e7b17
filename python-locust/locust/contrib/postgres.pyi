from katydid.contrib.postgres import *
