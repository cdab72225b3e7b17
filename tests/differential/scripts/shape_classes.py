"""A load shape that chooses user classes and shares the usual options."""
# compare: code output target
# args: --headless -u 3 -r 50 -t 60 -H {target}

from locust import LoadTestShape, User, constant, task

from watch import say


class Base(User):
    abstract = True
    wait_time = constant(100)

    @task
    def nothing(self):
        pass


class One(Base):
    pass


class Two(Base):
    pass


class AbstractShape(LoadTestShape):
    abstract = True


class Chosen(AbstractShape):
    use_common_options = True
    ticks = 0

    def tick(self):
        self.ticks += 1
        say(counts=self.runner.user_classes_count, options=self.runner.environment.parsed_options.num_users)
        if self.ticks == 1:
            return 2, 100, [One]
        if self.ticks == 2:
            return 4, 100
        return None
