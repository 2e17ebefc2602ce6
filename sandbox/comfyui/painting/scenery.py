"""Draws a scene, back to front, as far as the words of a prompt ask."""

from PIL import Image

from sandbox.comfyui.painting.animals import draw_animal, find_animal
from sandbox.comfyui.painting.canvas import Canvas
from sandbox.comfyui.painting.land import draw_ridge, draw_town
from sandbox.comfyui.painting.sky import (
    draw_aurora,
    draw_clouds,
    draw_planet,
    draw_sky,
    draw_stars,
    hang_lamp,
)
from sandbox.comfyui.painting.weather import flood, let_rain, let_snow


def draw_scene(canvas: Canvas) -> Image.Image:
    """Draw the whole scene, back to front."""
    width, height = canvas.size
    chance = canvas.chance
    horizon = height * chance.uniform(0.5, 0.64)
    picture = draw_sky(canvas, horizon)
    lamp = (width * chance.uniform(0.2, 0.8), horizon - height * chance.uniform(0.1, 0.36))
    if canvas.palette.dark or canvas.mentions("star", "stars"):
        draw_stars(picture, canvas, horizon)
    if canvas.mentions("aurora", "galaxy", "nebula", "magic", "magical"):
        picture = draw_aurora(picture, canvas, horizon)
    if canvas.mentions("planet", "space", "galaxy"):
        draw_planet(picture, canvas)
    else:
        picture = hang_lamp(picture, canvas, lamp)
    draw_clouds(picture, canvas, horizon)
    layers = chance.randint(4, 6)
    wet = canvas.mentions(
        "sea", "ocean", "lake", "water", "river", "beach", "whale", "boat", "ship", "island"
    )
    for layer in range(layers - 2 if wet else layers):
        share = (layer + 1) / layers
        base = horizon + (height - horizon) * (share - 0.22) * 0.95
        draw_ridge(picture, canvas, base, share)
    if canvas.mentions("city", "town", "street", "castle", "cyberpunk", "neon", "skyline"):
        draw_town(picture, canvas, horizon + height * 0.05)
        picture = flood(picture, canvas, horizon + height * 0.2, lamp)
    if wet:
        picture = flood(picture, canvas, horizon + height * chance.uniform(0.1, 0.16), lamp)
        draw_ridge(picture, canvas, height * 0.96, 1.0)
    animal = find_animal(canvas.words)
    if animal is not None:
        draw_animal(picture, animal, canvas.palette, canvas.text, chance)
    if canvas.mentions("snow", "snowy", "winter", "blizzard"):
        picture = let_snow(picture, canvas)
    if canvas.mentions("rain", "rainy", "storm"):
        picture = let_rain(picture, canvas)
    return picture
