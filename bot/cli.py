"""The console command."""


def main() -> None:
    """Run the command line."""
    print("limner")
