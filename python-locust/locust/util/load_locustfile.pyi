from katydid.util.load_locustfile import *
