from katydid.user.inspectuser import *
