"""The loggers of the process, which outlive a test."""

import logging
from contextlib import contextmanager


@contextmanager
def logging_restored():
    """Give back handlers and levels as they were."""
    root, known = logging.getLogger(), logging.Logger.manager.loggerDict.values()
    handlers = list(root.handlers)
    levels = [(one, one.level) for one in (root, *known) if isinstance(one, logging.Logger)]
    try:
        yield
    finally:
        root.handlers[:] = handlers
        for logger, level in levels:
            # Setting a level goes through all loggers.
            if logger.level != level:
                logger.setLevel(level)
