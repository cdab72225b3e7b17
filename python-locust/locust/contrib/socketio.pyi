from katydid.contrib.socketio import *
