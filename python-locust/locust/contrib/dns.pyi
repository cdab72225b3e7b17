from katydid.contrib.dns import *
