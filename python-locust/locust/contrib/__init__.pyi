from katydid.contrib import *
