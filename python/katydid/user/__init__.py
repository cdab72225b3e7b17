"""Users and their tasks: what a locustfile subclasses and decorates."""

from katydid.user.task import TaskSet, tag, task
from katydid.user.users import HttpUser, User

__all__ = ["HttpUser", "TaskSet", "User", "tag", "task"]
