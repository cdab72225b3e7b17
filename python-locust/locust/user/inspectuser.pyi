from katydid.user.inspectuser import *
from katydid.user.inspectuser import _calc_distribution as _calc_distribution
from katydid.user.inspectuser import _get_task_ratio as _get_task_ratio
