"""CPU time and memory of process trees on Linux: see proc(5)."""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

_CPU_FIELDS = slice(11, 15)
"""In /proc/PID/stat from behind the name: user and system time, its own and of ended children."""

_RESIDENT = 1
"""Position of the resident pages in /proc/PID/statm."""


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time that these processes and all below them used so far."""
    ticks = 0
    for pid in _with_descendants(pids):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += sum(map(int, fields[_CPU_FIELDS]))
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_mb(pids: Iterable[int]) -> float:
    """Megabytes that are resident now; what processes share is counted for each."""
    pages = sum(
        int(Path(f"/proc/{pid}/statm").read_text().split()[_RESIDENT])
        for pid in _with_descendants(pids)
    )
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _with_descendants(pids: Iterable[int]) -> Iterator[int]:
    for pid in pids:
        yield pid
        for task in Path(f"/proc/{pid}/task").iterdir():
            yield from _with_descendants(map(int, (task / "children").read_text().split()))
