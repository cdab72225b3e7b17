from katydid.env import *
