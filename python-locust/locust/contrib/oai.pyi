from katydid.contrib.oai import *
