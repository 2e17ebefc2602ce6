"""`limner run` against the stand-in Discord, as a separate process that can be killed.

`python -m benchmarks.bot_process API_BASE GATEWAY_URL [ROLE]`; the settings come
from the environment, as for `limner run`.
"""

import asyncio
import sys

from bot.app import Role, run_bot
from bot.client import DiscordAddress
from bot.core import StartupError
from bot.operating.logs import set_up_logs
from bot.settings import SettingsError, load_settings
from db.errors import DatabaseError
from generation.errors import GenerationError


async def run(api_base: str, gateway_url: str, role: str = Role.ALL) -> None:
    """Run until stopped. Raises what `run_bot` does, and SettingsError."""
    settings = load_settings()
    set_up_logs(style=settings.log_format, level=settings.log_level)
    await run_bot(settings, role=Role(role), address=DiscordAddress(api_base, gateway_url))


def main() -> int:
    """Run until stopped; the exit status."""
    try:
        asyncio.run(run(*sys.argv[1:]))
    except (StartupError, SettingsError, DatabaseError, GenerationError) as error:
        print(error, file=sys.stderr)  # noqa: T201 - as `limner run` says it
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
