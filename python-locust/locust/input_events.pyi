from katydid.input_events import *
