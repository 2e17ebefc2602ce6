"""The durable, fair line of waiting generations. The only package that imports DBOS."""

from generation.line.lease import LineTaken
from generation.line.line import Line
from generation.line.settings import EngineSettings, LineTimings

__all__ = ["EngineSettings", "Line", "LineTaken", "LineTimings"]
