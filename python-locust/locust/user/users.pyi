from katydid.user.pytest_user import PytestUser as PytestUser
from katydid.user.rest import RestMixin as RestMixin
from katydid.user.rest import RestResponseT as RestResponseT
from katydid.user.task import LOCUST_STATE_RUNNING as LOCUST_STATE_RUNNING
from katydid.user.task import LOCUST_STATE_STOPPING as LOCUST_STATE_STOPPING
from katydid.user.task import LOCUST_STATE_WAITING as LOCUST_STATE_WAITING
from katydid.user.users import *
