from katydid.distributed import DistributedRunner as DistributedRunner
from katydid.master import MasterRunner as MasterRunner
from katydid.distributed import WorkerNode as WorkerNode
from katydid.distributed import WorkerNodes as WorkerNodes
from katydid.worker import WorkerRunner as WorkerRunner
from katydid.runners import *
