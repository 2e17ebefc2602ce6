"""How a generation looks in a contact sheet."""

from generation.media.imaging import Symbol, Tile
from generation.record import Generation, Output


def build_tile(generation: Generation) -> Tile:
    """Its first result that has a thumbnail, or a symbol for what it has."""
    caption = f"{generation.id} · {generation.prompt}"
    for output in generation.outputs:
        if output.thumbnail is not None:
            return Tile(caption, output.thumbnail)
    first = next(iter(generation.outputs), None)
    return Tile(caption, symbol=find_symbol(first) if first is not None else None)


def build_tiles(generation: Generation) -> tuple[Tile, ...]:
    """Every result of it, none when one of them cannot be judged from a thumbnail."""
    caption = f"{generation.id} · {generation.prompt}"
    if not all(one.media_type.startswith("image/") for one in generation.outputs):
        return ()
    if any(one.thumbnail is None for one in generation.outputs):
        return ()
    return tuple(Tile(caption, one.thumbnail) for one in generation.outputs)


def find_symbol(output: Output) -> Symbol | None:
    """What stands for a result; None for a picture, which is gone when it has no thumbnail."""
    family = output.media_type.partition("/")[0]
    match family:
        case "image":
            return None
        case "video":
            return Symbol.FILM
        case "audio":
            return Symbol.SOUND
        case "text":
            return Symbol.TEXT
        case "model":
            return Symbol.SHAPE
        case _:
            return Symbol.TEXT if output.text is not None else None
