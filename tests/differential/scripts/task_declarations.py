"""Every way to declare tasks, and the list each becomes."""

from locust import SequentialTaskSet, TaskSet, User, constant, task

from watch import say


def one(user):
    pass


def two(user):
    pass


class Base(User):
    abstract = True

    @task
    def inherited(self):
        pass


class Decorated(Base):
    @task
    def first(self):
        pass

    @task(3)
    def second(self):
        pass

    @task()
    def third(self):
        pass


class Listed(Base):
    tasks = [one, two, two]


class Weighted(User):
    tasks = {one: 2, two: 1}


class Paired(User):
    tasks = [(one, 2), (two, 1)]


class Mixed(Base):
    tasks = {one: 2}

    @task(2)
    def own(self):
        pass


class Twice(Decorated, Weighted):
    @task
    def last(self):
        pass


class Nothing(Base):
    tasks = None


class Nested(User):
    @task(2)
    class Inner(TaskSet):
        tasks = [one]

        @task
        def inner(self):
            pass

    @task
    class InOrder(SequentialTaskSet):
        @task
        def begin(self):
            pass

        tasks = [one, two]

        @task(2)
        def end(self):
            pass


class Runs(User):
    wait_time = constant(0)

    @task
    def report(self):
        for cls in (Base, Decorated, Listed, Weighted, Paired, Mixed, Twice, Nothing, Nested, Runs):
            say(
                name=cls.__name__,
                abstract=cls.abstract,
                full=cls.fullname(),
                tasks=[item.__name__ for item in cls.tasks],
                json=cls.json(),
                weight=cls.weight,
                fixed_count=cls.fixed_count,
            )
        for inner in Nested.tasks[::2]:
            say(name=inner.__name__, tasks=[item.__name__ for item in inner.tasks])
        try:
            exec("@task\ndef run(self): pass", {"task": task})
        except Exception as error:
            say(error=type(error).__name__)
        self.environment.runner.quit()


for cls in (Decorated, Listed, Weighted, Paired, Mixed, Twice, Nothing, Nested):
    cls.weight = 0
