from katydid.contrib.fasthttp import *
