"""The commands of `limner credentials`."""

import click

from bot.cli.invocation import read_settings, run_and_report


@click.group()
def credentials() -> None:
    """Look after the key that marks results as made by a machine."""


@credentials.command()
@click.pass_context
def rotate(context: click.Context) -> None:
    """Replace the key by a new one; what was signed before stays valid."""
    from bot.private_files import keep_private
    from generation.marking.certificates import make_key
    from generation.marking.keys import KEY_FILE, ensure_key

    settings = read_settings(context)
    if settings.credentials != "on":
        raise click.UsageError("Limner has no key of its own: LIMNER_CREDENTIALS is not on.")
    path = settings.data / KEY_FILE
    keep_private(settings.data)
    run_and_report(lambda: make_key(path), context)
    click.echo(f"New key: {ensure_key(path).fingerprint[:16]}. Restart Limner to use it.")
