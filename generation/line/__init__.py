"""The line of waiting generations: durable and fair. The one home of the engine, which is DBOS."""

from generation.line.lease import LineTaken
from generation.line.line import Line
from generation.line.settings import EngineSettings, LineTimings

__all__ = ["EngineSettings", "Line", "LineTaken", "LineTimings"]
