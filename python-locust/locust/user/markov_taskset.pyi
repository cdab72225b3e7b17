from katydid.user.markov_taskset import *
