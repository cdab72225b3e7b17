from katydid.contrib.milvus import *
