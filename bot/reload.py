"""Hot reload of the workflows while the bot runs."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import NoReturn

WATCH_AGAIN_S = 30.0
"""Seconds before a failed watch is restarted, for example after the system ran out of watchers."""

OnChange = Callable[[], None]
Watch = Callable[[OnChange], Awaitable[object]]

_log = logging.getLogger(__name__)


async def follow_workflows(
    watch: Watch, on_change: OnChange, *, watch_again_s: float = WATCH_AGAIN_S
) -> NoReturn:
    """Call `on_change` after every change that `watch` reports, until cancelled.

    Errors of both are logged and do not end the loop.
    """

    def tell() -> None:
        try:
            on_change()
        except Exception:  # noqa: BLE001 - whatever it is, the next change may mend it
            _log.exception("The commands could not be brought up to date with the workflows.")
        else:
            _log.info("The workflows were read again.")

    while True:
        try:
            await watch(tell)
        except Exception:  # noqa: BLE001 - likewise
            _log.exception("The workflows cannot be watched; another attempt follows.")
        await asyncio.sleep(watch_again_s)
