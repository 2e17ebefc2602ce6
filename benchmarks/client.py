"""Interface of the compared clients: run a graph, fetch its picture, report progress."""

import time
from dataclasses import dataclass
from typing import Any, Protocol

from benchmarks.measurement import Delivery
from benchmarks.pictures import ResultPicture


@dataclass(frozen=True, slots=True)
class Job:
    """A graph whose picture carries its name; `picture` knows what the right one is."""

    name: str
    graph: dict[str, Any]
    picture: ResultPicture

    def deliver(self, content: bytes, *, steps: int = 0, previews: int = 0) -> Delivery:
        """Record the arrival of the bytes; they are verified after the measurement."""
        now = time.time()
        return Delivery(self.name, now, self.picture.is_of(self.name, content), steps, previews)


class Client(Protocol):
    """One client of one backend, used from one event loop."""

    async def open(self) -> None:
        """Connect; its cost is part of the measurement."""

    async def run(self, job: Job) -> Delivery:
        """Submit, follow, download. Many are under way at once."""

    async def close(self) -> None:
        """Release all resources."""
