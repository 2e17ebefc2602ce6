"""Rows of the database that tests record by themselves."""

from db.tables import GenerationRow


def generation_facts(id_, **changes):
    """What a generation needs besides its time, with what a test cares about in its place."""
    return {
        "id": id_,
        "user_id": 1,
        "user_name": "ana",
        "guild_id": 5,
        "channel_id": 9,
        "workflow": "txt2img-sd",
        "prompt": "a fox",
        "values": {},
        "seed": 1,
        "cost": 1,
        "private": False,
        "spoiler": False,
    } | changes


def generation_row(id_, **changes):
    """A generation to record; `created_at` must be given."""
    return GenerationRow(**generation_facts(id_, **changes))
