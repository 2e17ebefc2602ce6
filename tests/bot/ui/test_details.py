"""The record of a generation, within Discord's limits."""

from bot.ui.details import details_layout
from generation.request import Derivation
from tests.support.messages import check_layout, texts_of


def lines_of(generation, *ancestors):
    (text,) = texts_of(details_layout(generation, "Text to picture", *ancestors))
    return text.splitlines()


def test_a_record_shows_everything_and_nobody_the_operators_network(tools):
    generation, _ = tools.result(
        tools.generation(
            id="k7f3q",
            values={"steps": 20, "size": "64x64", "cfg": 7.0, "seed": 7, "negative": ""},
            seed=7,
        ),
        tools.picture(),
    )
    lines = lines_of(generation)
    assert lines[:2] == ["### k7f3q", "a fox in the snow"]
    assert "**Seed** `7`" in lines
    assert "**Workflow** Text to picture · `txt2img-sd`" in lines
    assert "**Options** `steps` 20 · `aspect` 64×64 · `guidance` 7" in lines  # noqa: RUF001 - the sign is meant
    assert any(line.startswith("#1 · 64×64 · PNG") for line in lines)  # noqa: RUF001 - likewise
    assert not any("Made from" in line or "negative" in line for line in lines)
    assert any("ran 12.4 s" in line for line in lines)


def test_ancestors_are_named_with_how_each_came_from_the_next(tools):
    ancestors = [
        tools.generation(id="bbbbb", parent_id="ccccc", derivation=Derivation.AGAIN),
        tools.generation(id="ccccc", message_url="https://discord.com/channels/1/2/3"),
    ]
    child = tools.generation(parent_id="bbbbb", parent_position=2, derivation=Derivation.VARY)
    assert lines_of(child, ancestors)[-1] == (
        "**Made from** varied from picture 3 of `bbbbb` ← "
        "made again from [`ccccc`](https://discord.com/channels/1/2/3)"
    )
    assert lines_of(child, ())[-1] == "**Made from** varied from picture 3 of `bbbbb`"


def test_the_longest_record_is_within_the_limits(tools):
    generation, _ = tools.result(
        tools.generation(
            prompt="*" * 2000,
            values={f"{'_' * 40}{number}": "*" * 3000 for number in range(25)},
        ),
        *[tools.picture()] * 20,
    )
    ancestors = [tools.generation(parent_id="zzzzz") for _ in range(50)]
    check_layout(details_layout(generation, "Text to picture", ancestors))
