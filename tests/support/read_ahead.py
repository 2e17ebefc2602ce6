"""What every bot reads and sets up when it starts, kept in memory by the functions that do it."""

import gc

from PIL import Image
from sqlalchemy.orm import configure_mappers

from bot.i18n.language import read_languages
from tests.support.shipped import load_shipped

read_languages()
load_shipped()
Image.preinit()
configure_mappers()
# Whatever a process looks at for garbage it has to copy first.
gc.collect()
gc.freeze()
