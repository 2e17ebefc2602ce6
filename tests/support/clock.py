"""A clock for services that are given one."""

from datetime import timedelta


class Clock:
    """A time that passes only when a test says so."""

    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now

    def pass_(self, **duration):
        self.now += timedelta(**duration)
