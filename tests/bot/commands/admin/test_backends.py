"""What `/limner backends list` says of a backend."""

from datetime import UTC, datetime

from bot.commands.admin.backends import report_text
from comfy.protocol.responses import Device
from generation.backends.draining import BackendReport, BackendUse
from generation.backends.status import BackendState, BackendStatus
from generation.errors import FailureKind

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def test_everything_that_is_known_is_said():
    status = BackendStatus(
        "big",
        BackendState.READY,
        running=0,
        concurrency=2,
        load=3,
        version="0.33.0",
        devices=(Device("NVIDIA X", 24 * 2**30, 20 * 2**30),),
        problem="It broke off.",
    )
    use = BackendUse(1, 12.4, FailureKind.OUT_OF_MEMORY, NOON)
    assert report_text(BackendReport(status, use=use)).splitlines() == [
        "**big** · ready",
        "1 of 2 running, 3 in total · ComfyUI 0.33.0",
        "NVIDIA X · 20.0 of 24.0 GiB free",
        "12 GPU seconds today",
        "last failure: Out of GPU memory, <t:1795348800:R>",
        "It broke off.",
    ]


def test_what_is_not_known_is_left_out():
    status = BackendStatus("cloud", BackendState.UNREACHABLE, running=0, concurrency=1)
    assert report_text(BackendReport(status)).splitlines() == [
        "**cloud** · offline",
        "0 of 1 running",
        "0 GPU seconds today",
    ]
