"""Translation of texts into the language of a person's Discord client.

English is in the code: `_("{count} waiting", count=3)`. Every other language is one gettext file,
`languages/<language>.po`; texts without a translation are shown in English.
"""

import gettext
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib import resources
from io import BytesIO

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from generation.text import fill

ENGLISH = "en"

_UNTRANSLATED = gettext.NullTranslations()

_spoken: ContextVar[str] = ContextVar("spoken", default=ENGLISH)


def _(message: str, /, **values: object) -> str:
    """Translate a message into the current language and format it with the values."""
    return fill(translate(message, _spoken.get()), values)


def mark(message: str) -> str:
    """Mark a message for translators that is translated later with `_`."""
    return message


def translate(message: str, locale: str) -> str:
    """Translate a message into the language of a Discord locale, without formatting."""
    # gettext translates the empty string to the catalogue's header.
    return _load(locale).gettext(message) if message else message


@cache
def languages() -> frozenset[str]:
    """Return the available languages besides English, such as "de"."""
    files = (resources.files("bot.i18n") / "languages").iterdir()
    return frozenset(file.name.removesuffix(".po") for file in files if file.name.endswith(".po"))


def read_languages() -> None:
    """Read the files of all languages, which takes a while: call it in a thread."""
    for name in languages():
        _read(name)


def plural(singular: str, many: str, count: int, /, **values: object) -> str:
    """Return the singular or plural form for `count`, formatted with `{count}` and the values."""
    chosen = _load(_spoken.get()).ngettext(singular, many, count)
    return fill(chosen, {"count": count, **values})


def speak(locale: str) -> None:
    """Set the current language from a Discord locale, for this task and tasks that it starts."""
    _spoken.set(locale)


@contextmanager
def speaking(locale: str) -> Generator[None]:
    """Set the current language from a Discord locale for the length of the context."""
    token = _spoken.set(locale)
    try:
        yield
    finally:
        _spoken.reset(token)


def spoken() -> str:
    """Return the current Discord locale, such as "de" or "en-GB"."""
    return _spoken.get()


def _load(locale: str) -> gettext.NullTranslations:
    """Return the catalog of a locale or its language; English if there is none."""
    for name in (locale, locale.partition("-")[0]):
        if name in languages():
            return _read(name)
    return _UNTRANSLATED


@cache
def _read(name: str) -> gettext.NullTranslations:
    """Read the file of a language once, when it is first used."""
    source = resources.files("bot.i18n") / "languages" / f"{name}.po"
    compiled = BytesIO()
    with source.open("rb") as file:
        write_mo(compiled, read_po(file, locale=name.replace("-", "_")))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
