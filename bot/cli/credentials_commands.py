"""The commands of `limner credentials`."""

import click

from bot.cli.invocation import read_settings


@click.group()
def credentials() -> None:
    """Manage the key that signs results as made by AI."""


@credentials.command()
def rotate() -> None:
    """Create a new key; existing signatures stay valid."""
    from bot.operating.private_files import keep_private
    from generation.marking.keys import KEY_FILE, ensure_key, make_key

    settings = read_settings()
    if settings.credentials != "on":
        raise click.UsageError("Limner has no key: LIMNER_CREDENTIALS is not on.")
    path = settings.data / KEY_FILE
    keep_private(settings.data)
    make_key(path)
    click.echo(f"New key: {ensure_key(path).fingerprint[:16]}. Restart Limner to use it.")
