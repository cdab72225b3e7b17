from katydid.util.date import *
