"""`limner privacy`: a privacy notice for members, generated from the settings."""

from collections.abc import Iterator

from bot.i18n.language import _, speaking
from bot.settings import Settings
from generation.moderation.nudenet import find_checker

HOSTED = "comfy-api"
"""Kind of backends that another company runs."""


def write_notice(settings: Settings, language: str, contact: str) -> str:
    """Return the notice as Markdown, in one of Limner's languages.

    `contact` is whom to ask; if empty, the people who run the bot, without a name.
    """
    with speaking(language):
        return "\n\n".join(_paragraphs(settings, contact))


def _paragraphs(settings: Settings, contact: str) -> Iterator[str]:
    yield "# " + _("Privacy notice")
    yield _(
        "This bot makes pictures, videos, sounds and texts from what you ask for in Discord. "
        "This is what it stores of you, and for how long."
    )
    yield _(
        "**Stored**: your Discord id and name; what you ask for, with time, server and channel; "
        "what you attach; the results, with small copies; what you used of your quota; your "
        "settings and presets; what you report, and what moderators decide of you."
    )
    if settings.effective_database_url.startswith("sqlite"):
        yield _("**Where**: in a database on the machine that the bot runs on.")
    else:
        yield _("**Where**: in a database server of the people who run this bot.")
    yield _(
        "**How long**: what you attach and the results for {days} days; results stay in Discord "
        "until their message is deleted. All else stays until it is deleted. A server may delete "
        "pictures, prompts and records sooner: `/mydata export` says what holds there.",
        days=settings.keep_days,
    )
    yield _(
        "**Who sees it**: whoever sees the message in Discord. Moderators of a server see all that "
        "was made there, also in private. The people who run this bot can see everything."
    )
    yield " ".join(_destinations(settings))
    if find_checker() is not None:
        yield _("**Checked**: servers may have pictures checked for nudity, by a program here.")
    if settings.credentials != "off":
        yield _("**Marked**: files of results say that AI made them, without your name.")
    yield _(
        "**In the files**: ComfyUI writes your prompt into pictures, unless you turn off Keep "
        "metadata in `/settings`."
    )
    yield _(
        "**Your choice**: `/mydata export` gives you all of it, `/mydata delete` deletes it. What "
        "you used of your quota and what moderators decided stays."
    )
    yield _("**Ask**: {contact}", contact=contact or _("the people who run this bot"))


def _destinations(settings: Settings) -> Iterator[str]:
    """Yield the recipients of prompts and pictures."""
    hosted = [one.name or one.kind for one in settings.backends if one.kind == HOSTED]
    if len(hosted) < len(settings.backends):
        yield _("**Sent to**: GPUs that the people who run this bot chose.")
    if hosted:
        yield _(
            "Some requests are sent to a service outside: {services}.", services=", ".join(hosted)
        )
    if any(one.api_key_comfy_org for one in settings.backends):
        yield _("Some workflows send prompts and pictures to paid services of other companies.")
