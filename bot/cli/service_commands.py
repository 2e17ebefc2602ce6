"""The commands of `limner service`."""

import click

from bot.cli.invocation import read_settings, run_and_report


@click.group()
def service() -> None:
    """Run the bot as a service of this machine."""


@service.command()
@click.option("--print", "prints", is_flag=True, help="Only show what would be installed.")
@click.pass_context
def install(context: click.Context, *, prints: bool) -> None:
    """Start `limner run` from this folder now and at every start."""
    from bot.cli import service as services

    settings = read_settings(context)
    manager = run_and_report(services.find_manager, context)
    if prints:
        click.echo(f"# {manager.path}")
        click.echo(manager.render(services.Program.of(settings)))
        return
    run_and_report(lambda: services.install(settings, manager), context)
    click.echo(f"Running. Read its log with: {manager.logs}")


@service.command()
@click.pass_context
def uninstall(context: click.Context) -> None:
    """Stop and remove the service; settings and data stay."""
    from bot.cli import service as services

    manager = run_and_report(services.find_manager, context)
    run_and_report(lambda: services.uninstall(manager), context)
    click.echo("Service removed.")
