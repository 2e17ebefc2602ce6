"""The auditor finds what is planted, and a short run gives it nothing to find."""

import asyncio
import socket
import struct
from contextlib import suppress
from dataclasses import replace

import pytest

from benchmarks.chaos.audit import audit
from benchmarks.chaos.evidence import Evidence, Executed, Posted, Recorded, digest
from benchmarks.chaos.relay import Relay
from benchmarks.chaos.run import Plan, play

PICTURE = b"a picture of a fox"
MADE = Recorded(
    id="made1",
    state="succeeded",
    prompt="a fox",
    prompt_ids=frozenset({"p1", "p2"}),
    cost=1,
    message_id=1,
    is_told=True,
    pictures=(digest(PICTURE),),
    charges=(("charge", 0), ("reserve", 1)),
)
FAILED = Recorded(
    id="fail1",
    state="failed",
    prompt="a wolf",
    prompt_ids=frozenset({"p3"}),
    cost=2,
    message_id=2,
    is_told=True,
    failure_kind="workflow_error",
    charges=(("refund", -2), ("reserve", 2)),
)
MADE_POST = Posted(
    1, "Done", buttons=frozenset({("made1", "again")}), files={"limner-made1-1.png": PICTURE}
)
FAILED_POST = Posted(2, "Workflow error", buttons=frozenset({("fail1", "retry")}))
CARD = Posted(10, "`made1` · Approved by @mo.")
RUN = Executed("p1", backend=0, life=0)
CLEAN = Evidence((MADE, FAILED), (MADE_POST, FAILED_POST), (RUN, Executed("p3", 1, 0)))


def with_made(**changes):
    return replace(CLEAN, generations=(replace(MADE, **changes), FAILED))


def with_failed(**changes):
    return replace(CLEAN, generations=(MADE, replace(FAILED, **changes)))


def with_post(**changes):
    return replace(CLEAN, messages=(replace(MADE_POST, **changes), FAILED_POST))


def with_another(post):
    return replace(CLEAN, messages=(*CLEAN.messages, post))


def with_cards(*cards):
    return replace(CLEAN, cards=cards)


PLANTED = {
    "still running": ("end", with_made(state="running")),
    "never told": ("end", with_made(is_told=False)),
    "no picture at all": ("end", with_made(pictures=())),
    "failed without a reason": ("end", with_failed(failure_kind=None)),
    "failed, and nobody knows why": ("end", with_failed(was_foreseen=False)),
    "shown and not recorded": (
        "end",
        with_another(Posted(9, "Waiting", buttons=frozenset({("gone1", "cancel")}))),
    ),
    "message gone": ("message", replace(CLEAN, messages=(MADE_POST,))),
    "still thinking": ("message", with_post(is_thinking=True)),
    "still with its cancel button": (
        "message",
        with_post(buttons=frozenset({("made1", "cancel")})),
    ),
    "failure not said": (
        "message",
        replace(CLEAN, messages=(MADE_POST, replace(FAILED_POST, text="Done"))),
    ),
    "a preview left below a failure": (
        "message",
        replace(CLEAN, messages=(MADE_POST, replace(FAILED_POST, files={"preview.png": b""}))),
    ),
    "told twice": ("message", with_another(replace(FAILED_POST, id=7))),
    "posted twice": (
        "pictures",
        with_another(Posted(7, "more", files={"limner-made1-1.png": PICTURE})),
    ),
    "missing picture": ("pictures", with_post(files={})),
    "another picture": ("pictures", with_post(files={"limner-made1-1.png": b"a fox, not this"})),
    "somebody else's picture": (
        "pictures",
        replace(
            with_made(pictures=(digest(b"a wolf"),)),
            messages=(replace(MADE_POST, files={"limner-made1-1.png": b"a wolf"}), FAILED_POST),
        ),
    ),
    "a picture of what failed": (
        "pictures",
        with_another(Posted(7, "", files={"limner-fail1-1.png": b"a wolf"})),
    ),
    "charged twice": (
        "charge",
        with_made(charges=(("charge", 0), ("charge", 1), ("reserve", 1))),
    ),
    "charged and refunded": (
        "charge",
        with_made(charges=(("charge", 0), ("refund", -1), ("reserve", 1))),
    ),
    "never charged": ("charge", with_made(charges=(("reserve", 1),))),
    "never reserved": ("charge", with_made(charges=(("charge", 0),))),
    "charged too much": ("charge", with_made(charges=(("charge", 1), ("reserve", 1)))),
    "failure not refunded": ("charge", with_failed(charges=(("charge", 0), ("reserve", 2)))),
    "refused, and shown": ("pictures", with_made(review="refused")),
    "refused, and not said": ("message", with_made(review="refused")),
    "moderators asked twice": ("card", with_cards(CARD, replace(CARD, id=11))),
    "moderators still asked": (
        "card",
        with_cards(replace(CARD, decisions=frozenset({"r:made1:approve"}))),
    ),
    "moderators still shown what they refused": (
        "card",
        replace(with_made(review="refused"), cards=(replace(CARD, files={"made.png": PICTURE}),)),
    ),
    "run twice": ("run", replace(CLEAN, executions=(RUN, RUN))),
    "run on a second backend": (
        "run",
        replace(CLEAN, executions=(RUN, Executed("p2", backend=1, life=0))),
    ),
    "never run": ("run", replace(CLEAN, executions=())),
}


def test_nothing_is_found_where_nothing_is_wrong():
    assert audit(CLEAN) == ()


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_found(name):
    rule, evidence = PLANTED[name]
    assert rule in {finding.rule for finding in audit(evidence)}


async def test_a_reset_connection_is_reset_on_the_other_side_of_the_relay():
    ended = asyncio.Event()

    async def serve(reader, writer):
        with suppress(ConnectionError):
            await reader.read()
        writer.close()
        ended.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server, Relay(server.sockets[0].getsockname()[1]) as relay:
        _, writer = await asyncio.open_connection("127.0.0.1", relay.port)
        writer.write(b"begin")
        linger = struct.pack("ii", 1, 0)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()
        async with asyncio.timeout(10):
            await ended.wait()


def test_a_direct_message_tells_what_a_private_one_could_not_show_any_more():
    lost = Posted(7, "Waiting", buttons=frozenset({("made1", "cancel")}))
    late = with_made(lost_message_id=lost.id)
    assert audit(replace(late, messages=(*late.messages, lost))) == ()


def test_a_backend_that_was_restarted_explains_a_second_run():
    again = (RUN, Executed("p1", backend=0, life=1))
    assert audit(replace(CLEAN, executions=again)) == ()
    elsewhere = (RUN, Executed("p2", backend=1, life=0))
    assert audit(replace(CLEAN, executions=elsewhere, disturbed=frozenset({0}))) == ()


@pytest.mark.timeout(240)
async def test_killed_at_random_nothing_is_lost_doubled_or_charged_wrongly(tmp_path):
    report = await play(Plan(tmp_path, kills=2, seed=7, patience_s=120, largest_drawing=256))
    assert report.findings == ()
    assert report.faults["kill -9"] == 2
    assert report.states.total() > 0
    assert report.crashes == {}
