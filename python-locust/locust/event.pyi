from katydid.event import *
