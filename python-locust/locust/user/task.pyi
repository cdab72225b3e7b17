from katydid.user.task import *
