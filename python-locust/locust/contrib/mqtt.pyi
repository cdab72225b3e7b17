from katydid.contrib.mqtt import *
