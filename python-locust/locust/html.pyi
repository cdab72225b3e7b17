from katydid.html import *
