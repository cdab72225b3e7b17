from katydid.util.url import *
