from katydid.util.exception_handler import *
