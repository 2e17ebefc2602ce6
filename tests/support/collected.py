"""Hooks of pytest for the tests that were collected."""

import gc
from pathlib import Path

from aiohttp import web_app

# Nothing of what is imported and collected is garbage: `freeze` starts the collector again.
gc.disable()


def keep_processes_busy(items):
    """Order the tests so that processes which share them are busy all the time.

    First those with a time-out of their own, which take longest. Acceptance tests, which wait
    more than they compute, are spread evenly among the others: each process begins with
    consecutive tests. Other modules stay together for the sake of their fixtures.
    """
    folder = Path(__file__).parents[1] / "acceptance"
    waiting = [item for item in items if item.path.parent == folder]
    places = {item: number / len(waiting) for number, item in enumerate(waiting)}
    module_places = {}
    for number, item in enumerate(items):
        places.setdefault(item, module_places.setdefault(item.path, number / len(items)))
    items.sort(key=lambda item: (item.get_closest_marker("timeout") is None, places[item]))


def freeze():
    """Keep the collector from looking through every module and test, over and over."""
    gc.freeze()
    gc.enable()


def forget_servers():
    """Let go of the servers that a test has stopped.

    aiohttp keeps the last 1,024 handlers of applications with middlewares, and thereby all that
    these refer to; collections of garbage look through it.
    """
    web_app._cached_build_middleware.cache_clear()
