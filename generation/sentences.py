"""Sentences for people, with places for facts, as in "The model {model} is not installed".

Whoever shows one may say it in another language first: that is why the facts stay beside it.
"""

import re
from collections.abc import Mapping

_PLACE = re.compile(r"\{([a-z_]+)\}")


def fill(sentence: str, facts: Mapping[str, object]) -> str:
    """The sentence with the facts in its places; a place without its fact stays as it is."""
    return _PLACE.sub(lambda place: str(facts.get(place[1], place[0])), sentence)
