from katydid.contrib.csv_request_logger import *
