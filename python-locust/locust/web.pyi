from katydid.web import *
