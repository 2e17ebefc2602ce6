"""Everybody reads their own language, side by side in one channel."""

from sandbox.people import as_text, files_of
from tests.support.messages import is_answered, labels_of

PATIENCE_S = 60


def is_finished(message):
    return bool(files_of(message)) and len(labels_of(message)) > 1


def fields(reply):
    return [part["label"] for part in reply.modal.components]


async def imagine(person, **options):
    return await person.slash("general", "imagine", steps=4, **options)


async def ended(reply):
    return await reply.until(is_finished, PATIENCE_S)


async def refused(person, **options):
    reply = await imagine(person, **options)
    return as_text(await reply.until(is_answered, PATIENCE_S))


async def test_a_german_and_an_english_person_each_read_their_own_language(environment):
    environment.ben.member.locale = "de"
    environment.comfyui.hold()
    async with environment.bot():
        english = await imagine(environment.ana, prompt="a fox", seed=1)
        german = await imagine(environment.ben, prompt="ein Fuchs", seed=2)
        await english.until(lambda message: "Cancel" in labels_of(message), PATIENCE_S)
        await german.until(lambda message: "Abbrechen" in labels_of(message), PATIENCE_S)
        environment.comfyui.release()
        theirs, ours = await ended(german), await ended(english)
        assert {"Vergrößern", "Noch mal"} <= set(labels_of(theirs))
        assert {"Upscale", "Again"} <= set(labels_of(ours))
        assert "Seed 2" in as_text(theirs)
        assert "seed 1" in as_text(ours)


async def test_the_workflows_that_ship_are_listed_in_the_language_of_whoever_asks(environment):
    environment.ben.member.locale = "de"
    async with environment.bot():
        german = await environment.ben.slash("general", "workflows")
        told = as_text(await german.until(is_answered, PATIENCE_S))
        assert "Text zu Bild" in told
        assert "Ändert dein Bild" in told
        english = await environment.ana.slash("general", "workflows")
        told = as_text(await english.until(is_answered, PATIENCE_S))
        assert "Text to picture" in told


async def test_a_refusal_and_a_form_are_in_the_language_of_whoever_asked(environment):
    environment.ben.member.locale = "de"
    async with environment.bot() as core:
        result = await ended(await imagine(environment.ana, prompt="a fox", seed=1))
        german = await environment.ben.click(result, "Remix")
        english = await environment.ana.click(result, "Remix")
        assert "Seitenverhältnis" in fields(german)
        assert "Aspect ratio" in fields(english)
        await environment.limit(core, pictures=0)
        assert "Tageslimit erreicht" in await refused(environment.ben, prompt="ein Fuchs")
        assert "Daily limit reached" in await refused(environment.ana, prompt="a fox")


async def test_moderators_cards_are_in_the_language_of_the_server(environment):
    """Whoever decides there does not change the language for the others."""
    environment.world.directory.guild_locale = "de"
    mo, channel = environment.mo, environment.world.channel("moderators")

    def card(label):
        shown = (one for one in mo.messages("moderators") if label in labels_of(one))
        return next(shown, None)

    async with environment.bot():
        await mo.slash("moderators", "mod channel", channel=channel.id)
        panel = await mo.slash("moderators", "mod review", mode="hold")
        await panel.until(is_answered, PATIENCE_S)
        await imagine(environment.ana, prompt="a fox", seed=1)
        held = await environment.world.wait_for(lambda: card("Freigeben"), PATIENCE_S)
        assert "Wartet auf Freigabe" in as_text(held)
        await mo.click(held, "Freigeben")
        decided = await environment.world.wait_for(lambda: card("Rückgängig machen"), PATIENCE_S)
        assert "freigegeben" in as_text(decided)
