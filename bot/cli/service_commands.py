"""The commands of `limner service`."""

import click

from bot.cli.invocation import read_settings


@click.group()
def service() -> None:
    """Run the bot as a service of this machine."""


@service.command()
@click.option("--print", "prints", is_flag=True, help="Only show what would be installed.")
def install(*, prints: bool) -> None:
    """Start `limner run` from this folder now and at every start."""
    from bot.cli import service as services

    settings, manager = read_settings(), services.find_manager()
    if prints:
        click.echo(f"# {manager.path}")
        click.echo(manager.render(services.Program.of(settings)))
        return
    services.install(settings, manager)
    click.echo(f"Running. Read its log with: {manager.logs}")


@service.command()
def uninstall() -> None:
    """Stop and remove the service; settings and data stay."""
    from bot.cli import service as services

    services.uninstall(services.find_manager())
    click.echo("Service removed.")
