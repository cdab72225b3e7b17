from katydid.user.sequential_taskset import *
