"""Markov task sets: transitions in all their spellings, walked with a seed."""

import random

from locust import MarkovTaskSet, User, constant, transition, transitions

from watch import say

walked = []


class Walk(MarkovTaskSet):
    def on_start(self):
        random.seed(11)

    @transition("browse")
    def land(self):
        self.step("land")

    @transition("land", weight=1)
    @transition("buy", weight=3)
    def browse(self):
        self.step("browse")

    @transitions({"land": 1, "browse": 2, "look": 1})
    def buy(self):
        self.step("buy")

    @transitions(["browse", ("look", 2)])
    def look(self):
        self.step("look")

    def step(self, name):
        walked.append(name)
        if len(walked) == 40:
            say(walked=walked)
            self.user.environment.runner.quit()


class Visitor(User):
    wait_time = constant(0)
    tasks = [Walk]

    def on_start(self):
        say(current=Walk.current.__name__ if hasattr(Walk, "current") else None)
        say(land=Walk.land.transitions, browse=Walk.browse.transitions, look=Walk.look.transitions)
