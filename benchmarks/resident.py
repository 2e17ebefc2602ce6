"""How much memory this process has."""

import resource
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_RESIDENT = 1
"""Position of the resident pages in it."""


def peak_mb() -> float:
    """The most that was ever resident."""
    # Linux counts in KiB, macOS in bytes.
    units = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def resident_mb() -> float:
    """What is resident now; the peak where the system does not tell."""
    if not _STATM.exists():
        return peak_mb()
    pages = int(_STATM.read_text().split()[_RESIDENT])
    return pages * resource.getpagesize() / 2**20
