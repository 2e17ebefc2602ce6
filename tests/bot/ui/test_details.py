"""The record of a generation, within Discord's limits."""

from bot.ui.details import EMBED_CHARACTERS, details_embed
from generation.request import Derivation


def fields_of(embed):
    return {field.name: field.value for field in embed.fields}


def test_a_record_shows_everything_and_nobody_the_operators_network(tools):
    generation, _ = tools.result(
        tools.generation(id="k7f3q", values={"steps": 20, "seed": 7, "negative": ""}, seed=7),
        tools.picture(),
    )
    fields = fields_of(details_embed(generation))
    assert fields["Seed"] == "`7`"
    assert fields["Values"] == "steps: 20"
    assert fields["Results"].startswith("1 · image/png · 64×64")  # noqa: RUF001 - the sign is meant
    assert "Made from" not in fields
    assert "ran 12.4 s" in fields["Time"]


def test_ancestors_are_named_with_how_each_came_from_the_next(tools):
    ancestors = [
        tools.generation(id="bbbbb", parent_id="ccccc", derivation=Derivation.AGAIN),
        tools.generation(id="ccccc", message_url="https://discord.com/channels/1/2/3"),
    ]
    child = tools.generation(parent_id="bbbbb", parent_position=2, derivation=Derivation.VARY)
    assert fields_of(details_embed(child, ancestors))["Made from"].splitlines() == [
        "varied from picture 3 of `bbbbb`",
        "made again from [`ccccc`](https://discord.com/channels/1/2/3)",
    ]
    alone = fields_of(details_embed(child, ()))["Made from"]
    assert alone == "varied from picture 3 of `bbbbb`"


def test_the_longest_record_leaves_room_for_a_second_embed(tools):
    generation, _ = tools.result(
        tools.generation(
            prompt="*" * 2000,
            values={f"{'_' * 40}{number}": "*" * 3000 for number in range(25)},
        ),
        *[tools.picture()] * 20,
    )
    ancestors = [tools.generation(parent_id="zzzzz") for _ in range(50)]
    embed = details_embed(generation, ancestors)
    assert len(embed) <= EMBED_CHARACTERS
    assert len(embed.fields) <= 25
    assert all(1 <= len(field.value) <= 1024 for field in embed.fields)
