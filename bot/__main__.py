"""`python -m bot` is the same program as `limner`."""

from bot.cli.main import main

if __name__ == "__main__":
    main()
