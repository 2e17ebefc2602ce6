"""The files that every bot reads when it starts, kept in memory by the functions that read them."""

from bot.i18n.language import read_languages
from tests.support.shipped import load_shipped

read_languages()
load_shipped()
