"""All time-outs and intervals of this package in seconds, so that tests can shorten them."""

from dataclasses import dataclass

PAUSE_GROWTH = 1.5
"""Factor by which the pause between two polls grows."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Time-outs and intervals, for a server in the same network or behind a reverse proxy."""

    request: float = 6.0
    """One request with a small response. ComfyUI answers in milliseconds, in half a second while it
    loads a model. A submission that takes longer is looked up, not lost."""

    submission: float = 30.0
    """Submitting a job to a hosted service, which validates it before it answers."""

    connect: float = 10.0
    """Making a connection, the /ws handshake included."""

    object_info: float = 120.0
    """/object_info: up to 30 MB, and the first call makes a server import and list everything."""

    transfer_silence: float = 60.0
    """An upload or download may take any time, but not stall for longer than this."""

    heartbeat: float = 20.0
    """Ping period of /ws. ComfyUI never pings, and idle proxies cut at 60 s."""

    backoff_first: float = 0.5
    backoff_most: float = 30.0
    """Bounds of the pause before reconnecting, which doubles each time, with jitter."""

    socket_wait: float = 10.0
    """How long a new run waits for /ws before it is submitted and polled instead."""

    tick: float = 0.5
    """Interval of the watchdog's checks while runs are outstanding."""

    silence: float = 6.0
    """Without a frame for this long, outstanding runs are polled over HTTP, all with one
    request."""

    status_wait: float = 3.0
    """A working socket receives a `status` after each submission within this time."""

    poll_first: float = 2.0
    poll_most: float = 5.0
    """Bounds of the pause between two polls of runs without socket messages."""

    gone_apart: float = 2.0
    """A run is lost if it was missing twice, at least this far apart."""

    unreachable: float = 30.0
    """A backend that does not answer for this long fails its runs."""

    reopen_pause: float = 30.0
    """Minimum pause between replacements of a socket that receives nothing: another client that
    does not read can stall every socket of a server, and a new one would not help."""

    lookup: float = 3.0
    lookup_pause: float = 1.0
    """How long a prompt id is looked up after a submission with an unknown outcome."""

    unknown: float = 600.0
    """How long a job whose submission got no response is looked up on a hosted service."""

    unavailable: float = 300.0
    """How long a hosted service may answer "later" to a submission: a cold start takes minutes."""

    record: float = 6.0
    record_pause: float = 0.05
    """The run record can appear after the success message; the pause doubles each time."""

    cancel: float = 60.0
    cancel_pause: float = 0.2
    cancel_repeat: float = 2.0
    """A cancellation is verified after growing pauses and repeated until it worked or time is up,
    because an interrupt is honored only between nodes and at sampler steps."""
