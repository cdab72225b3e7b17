from katydid.util.directory import *
