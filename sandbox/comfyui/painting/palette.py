"""Colours for a picture, chosen by the words of its prompt."""

import colorsys
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

Colour: TypeAlias = tuple[int, int, int]


@dataclass(frozen=True)
class Palette:
    """The light of a scene: sky from top to horizon, far and near land, its lamp and its accent."""

    sky: tuple[Colour, Colour, Colour]
    far: Colour
    near: Colour
    lamp: Colour
    accent: Colour
    dark: bool = False


LIGHTS: Final[Mapping[str, Palette]] = {
    "day": Palette(
        ((70, 140, 205), (142, 196, 226), (236, 232, 210)),
        (138, 170, 186),
        (38, 84, 78),
        (255, 246, 214),
        (240, 128, 72),
    ),
    "sunset": Palette(
        ((58, 44, 98), (206, 86, 96), (255, 188, 112)),
        (168, 88, 110),
        (44, 26, 56),
        (255, 226, 150),
        (255, 140, 84),
    ),
    "dawn": Palette(
        ((94, 118, 176), (226, 166, 178), (255, 222, 190)),
        (166, 146, 176),
        (62, 62, 94),
        (255, 240, 216),
        (244, 142, 134),
    ),
    "night": Palette(
        ((8, 12, 36), (22, 36, 82), (66, 88, 138)),
        (48, 66, 112),
        (8, 14, 32),
        (244, 240, 214),
        (250, 196, 104),
        dark=True,
    ),
    "snow": Palette(
        ((108, 146, 188), (178, 204, 222), (240, 240, 238)),
        (176, 196, 214),
        (236, 242, 248),
        (255, 250, 236),
        (222, 100, 52),
    ),
    "desert": Palette(
        ((88, 152, 190), (242, 200, 148), (252, 228, 182)),
        (214, 150, 102),
        (146, 74, 44),
        (255, 248, 220),
        (70, 120, 110),
    ),
    "forest": Palette(
        ((120, 164, 150), (184, 208, 172), (240, 238, 202)),
        (116, 154, 128),
        (20, 54, 44),
        (255, 250, 214),
        (226, 130, 60),
    ),
    "meadow": Palette(
        ((104, 168, 206), (184, 220, 222), (250, 240, 206)),
        (150, 190, 150),
        (62, 120, 64),
        (255, 248, 210),
        (236, 92, 104),
    ),
    "storm": Palette(
        ((44, 54, 68), (88, 104, 118), (170, 176, 172)),
        (96, 110, 122),
        (28, 36, 46),
        (222, 226, 220),
        (232, 196, 92),
        dark=True,
    ),
    "neon": Palette(
        ((18, 8, 44), (104, 20, 120), (255, 78, 142)),
        (76, 26, 108),
        (12, 8, 30),
        (120, 244, 255),
        (0, 232, 220),
        dark=True,
    ),
    "space": Palette(
        ((6, 4, 20), (34, 18, 70), (96, 44, 110)),
        (62, 40, 98),
        (14, 10, 30),
        (255, 214, 170),
        (120, 220, 236),
        dark=True,
    ),
}

_LIGHT_WORDS: Final[Mapping[str, str]] = {
    "sunset": "sunset",
    "dusk": "sunset",
    "evening": "sunset",
    "autumn": "sunset",
    "fire": "sunset",
    "dawn": "dawn",
    "sunrise": "dawn",
    "morning": "dawn",
    "pink": "dawn",
    "spring": "meadow",
    "night": "night",
    "moon": "night",
    "midnight": "night",
    "star": "night",
    "stars": "night",
    "starry": "night",
    "aurora": "night",
    "snow": "snow",
    "snowy": "snow",
    "winter": "snow",
    "ice": "snow",
    "frost": "snow",
    "desert": "desert",
    "dune": "desert",
    "dunes": "desert",
    "sand": "desert",
    "canyon": "desert",
    "forest": "forest",
    "wood": "forest",
    "woods": "forest",
    "jungle": "forest",
    "tree": "forest",
    "trees": "forest",
    "meadow": "meadow",
    "garden": "meadow",
    "storm": "storm",
    "rain": "storm",
    "rainy": "storm",
    "thunder": "storm",
    "fog": "storm",
    "neon": "neon",
    "cyberpunk": "neon",
    "synthwave": "neon",
    "space": "space",
    "galaxy": "space",
    "planet": "space",
    "nebula": "space",
    "cosmic": "space",
    "day": "day",
    "noon": "day",
    "summer": "meadow",
    "sea": "day",
    "ocean": "day",
    "beach": "day",
    "lake": "day",
    "sky": "day",
}

_COLOURS: Final[Mapping[str, Colour]] = {
    "red": (206, 52, 48),
    "crimson": (176, 24, 52),
    "orange": (240, 130, 44),
    "yellow": (246, 204, 66),
    "gold": (226, 172, 60),
    "golden": (226, 172, 60),
    "green": (62, 150, 92),
    "emerald": (20, 140, 104),
    "teal": (26, 140, 146),
    "cyan": (60, 196, 214),
    "blue": (48, 104, 196),
    "purple": (122, 70, 176),
    "violet": (140, 84, 200),
    "pink": (238, 134, 170),
    "brown": (132, 86, 52),
    "black": (26, 26, 32),
    "white": (244, 244, 240),
    "grey": (138, 142, 150),
    "gray": (138, 142, 150),
    "silver": (190, 196, 204),
}

_LEADING: Final = ("neon", "space", "night", "sunset", "storm")


def words_of(text: str) -> list[str]:
    """Split a prompt into its lower-case words."""
    return re.findall(r"[a-z]+", text.lower())


def colours_in(text: str) -> list[Colour]:
    """Return the colours a prompt names, in its order."""
    return [_COLOURS[word] for word in words_of(text) if word in _COLOURS]


def choose_palette(text: str, digest: str) -> Palette:
    """Choose light and colours for a prompt; one that names none gets its own from its digest."""
    lights = [_LIGHT_WORDS[word] for word in words_of(text) if word in _LIGHT_WORDS]
    named = colours_in(text)
    chance = random.Random(digest)  # noqa: S311 - a picture, not a secret
    if lights:
        palette = _blended(lights)
    elif named:
        palette = _tinted(LIGHTS["day"], named[0])
    else:
        palette = _shifted(
            LIGHTS[chance.choice(("dawn", "sunset", "day", "forest"))], chance.random()
        )
    return replace(palette, accent=named[0]) if named else palette


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """Mix two colours; 0 is the first and 1 the second."""
    first, second, third = (round(a + (b - a) * share) for a, b in zip(one, other, strict=True))
    return first, second, third


def _blended(lights: list[str]) -> Palette:
    """Let the darkest light a prompt names lead, and give it land of the others."""
    lead = next((name for name in _LEADING if name in lights), lights[0])
    palette = LIGHTS[lead]
    for name in dict.fromkeys(lights):
        other = LIGHTS[name]
        if name != lead:
            palette = replace(
                palette,
                far=mix(palette.far, other.far, 0.35),
                near=mix(palette.near, other.near, 0.3 if palette.dark else 0.5),
            )
    return palette


def _tinted(palette: Palette, colour: Colour) -> Palette:
    top, middle, low = palette.sky
    return replace(
        palette,
        sky=(mix(top, colour, 0.55), mix(middle, colour, 0.35), mix(low, (255, 255, 255), 0.2)),
        far=mix(palette.far, colour, 0.5),
        near=mix(mix(palette.near, colour, 0.45), (12, 12, 24), 0.35),
    )


def _shifted(palette: Palette, turn: float) -> Palette:
    def turned(colour: Colour) -> Colour:
        hue, lightness, saturation = colorsys.rgb_to_hls(*(value / 255 for value in colour))
        red, green, blue = colorsys.hls_to_rgb((hue + turn) % 1, lightness, saturation)
        return round(red * 255), round(green * 255), round(blue * 255)

    top, middle, low = palette.sky
    return Palette(
        (turned(top), turned(middle), turned(low)),
        turned(palette.far),
        turned(palette.near),
        palette.lamp,
        turned(palette.accent),
        palette.dark,
    )
