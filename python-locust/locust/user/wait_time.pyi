from katydid.user.wait_time import *
