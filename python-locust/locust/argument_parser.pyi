from katydid.argument_parser import *
