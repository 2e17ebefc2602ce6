"""Every time-out and interval of this package, in seconds, so that a test can shorten them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timing:
    """Defaults suit a server in the same network or behind a reverse proxy."""

    request: float = 6.0
    """One request with a small answer. ComfyUI answers in milliseconds, half a second while it
    loads a model. A submission that took longer is looked up and not lost."""

    submission: float = 30.0
    """Submitting a job to a hosted service, which validates it before it answers."""

    connect: float = 10.0
    """Making a connection, the /ws handshake included."""

    object_info: float = 120.0
    """/object_info: up to 30 MB, and the first call makes a server import and list everything."""

    transfer_silence: float = 60.0
    """An upload or download may take as long as it likes, but not stand still for longer."""

    heartbeat: float = 20.0
    """Ping period of /ws. ComfyUI never pings, and idle proxies cut at 60 s."""

    backoff_first: float = 0.5
    backoff_most: float = 30.0
    """Pause before connecting again: doubled each time between these two, with jitter."""

    socket_wait: float = 10.0
    """How long a new run waits for /ws before it goes ahead and is followed by polling."""

    tick: float = 0.5
    """How often the watchdog looks at the clock while runs are outstanding."""

    silence: float = 6.0
    """Without a frame for this long, outstanding runs are asked for over HTTP: with one question
    for all of them, so a long silent node costs next to nothing."""

    status_wait: float = 3.0
    """A live socket hears a `status` after each of our own submissions; later than this is odd."""

    poll_first: float = 2.0
    poll_most: float = 5.0
    """Pause between two questions about runs that the socket does not tell of."""

    gone_apart: float = 2.0
    """A run is lost when it was nowhere to be found twice, this far apart."""

    unreachable: float = 30.0
    """A backend that answers nothing for this long gives its runs back to their callers."""

    reopen_pause: float = 30.0
    """A socket that seems deaf is replaced at most this often: another client that does not
    read can silence every socket of a server, and a new one would not help."""

    lookup: float = 3.0
    lookup_pause: float = 1.0
    """After a submission with an unknown outcome the prompt id is looked for this long."""

    unknown: float = 600.0
    """How long a job whose submission got no answer is looked for on a hosted service."""

    unavailable: float = 300.0
    """How long a hosted service may answer "later" to a submission: a cold start takes minutes."""

    record: float = 6.0
    record_pause: float = 0.05
    """The run record can appear after the success message; the pause doubles each time."""

    cancel: float = 60.0
    cancel_pause: float = 0.2
    cancel_repeat: float = 2.0
    """A cancel is verified after a growing pause and sent again, until it worked or time is up:
    an interrupt is honoured only between nodes and at sampler steps."""
