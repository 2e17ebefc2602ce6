"""`/mod transparency`: counts of generations and decisions in a server, without names."""

import csv
import io
from datetime import UTC, datetime, timedelta

import discord
from discord import app_commands, ui
from discord.utils import format_dt

from bot.i18n.language import _, mark
from bot.replies.inputs import parse_day
from bot.services import services_of
from bot.ui.layout import BLURPLE, build_layout, card, gallery, small, text
from bot.ui.responses import acknowledged, respond
from generation.errors import InvalidOption
from generation.media.chart import draw_bars
from generation.media.decoding import decode
from generation.moderation.transparency import MOST_DAYS, TransparencyReport

USUAL_DAYS = 30

LINES = {
    "people": mark("People with requests"),
    "asked": mark("Requests"),
    "made": mark("Made"),
    "failed": mark("Failed"),
    "cancelled": mark("Cancelled"),
    "blocked by the image filter": mark("Blocked by the image filter"),
    "refused for words": mark("Refused for the wording"),
    "refused to blocked people": mark("Refused because blocked"),
    "refused for attachments": mark("Refused for an attached file"),
    "refused for channel, age or role": mark("Refused for the channel, age or role"),
    "held for a moderator": mark("Held for a moderator"),
    "refused by a moderator": mark("Refused by a moderator"),
    "reported": mark("Reports"),
    "removed by a moderator": mark("Deleted by moderators"),
    "people blocked": mark("Members blocked"),
    "appeals": mark("Appeals"),
}


@app_commands.command(name="transparency", description="Counts of what was made and decided here")
@app_commands.describe(
    since="From this day: 2026-11-01, today, yesterday or 3d", until="Until this day"
)
async def transparency_command(
    interaction: discord.Interaction, since: str | None = None, until: str | None = None
) -> None:
    actor, now = await acknowledged(interaction), datetime.now(UTC)
    end = parse_day(until, "until", now, end=True) or now
    usual = (end - timedelta(days=USUAL_DAYS)).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = parse_day(since, "since", now) or usual
    if not timedelta() < end - begin <= timedelta(days=MOST_DAYS):
        raise InvalidOption(
            "Choose a period of one day to {days} days.", {"option": "since", "days": MOST_DAYS}
        )
    report = await services_of(interaction).transparency.report(actor, begin, end)
    period = " – ".join(format_dt(moment, "f") for moment in (begin, end))  # noqa: RUF001 - a range
    bars = [(bar.made, bar.refused) for bar in report.bars]
    chart = await decode(draw_bars, bars, *name_days(begin, end))
    files = [
        discord.File(io.BytesIO(chart), "chart.png", description=_("By day")),
        discord.File(io.BytesIO(write_csv(report).encode()), "transparency.csv"),
    ]
    lines = [f"**{_(LINES[name])}** {count}" for name, count in report.counts.items()]
    view = build_layout(
        card(
            BLURPLE,
            text(f"### {_('Transparency')}", *lines, small(period)),
            gallery(files[0]),
            text(small(_("Blue: made. Red: refused at once."))),
            ui.File(files[1]),
        )
    )
    await respond(interaction, view=view, files=files)


def name_days(begin: datetime, end: datetime) -> tuple[str, str]:
    """Return the first and the last day in UTC of a period that ends before `end`."""
    first, last = begin.astimezone(UTC), end.astimezone(UTC) - timedelta.resolution
    return f"{first:%Y-%m-%d}", f"{last:%Y-%m-%d}"


def write_csv(report: TransparencyReport) -> str:
    """Write the counts as rows of name and number, then what was made and refused by day."""
    written = io.StringIO()
    rows = csv.writer(written)
    rows.writerow(("what", "count"))
    rows.writerows(report.counts.items())
    rows.writerows((f"made from {bar.day:%Y-%m-%d}", bar.made) for bar in report.bars)
    rows.writerows((f"refused from {bar.day:%Y-%m-%d}", bar.refused) for bar in report.bars)
    return written.getvalue()
