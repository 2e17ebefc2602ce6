import asyncio

from bot.i18n.language import _, plural, speak, speaking, spoken, translate


def test_english_is_what_the_code_says():
    assert _("{count} waiting", count=3) == "3 waiting"
    assert plural("{count} picture", "{count} pictures", 1) == "1 picture"
    assert plural("{count} picture", "{count} pictures", 2) == "2 pictures"


def test_german_is_spoken_where_it_is_known():
    with speaking("de"):
        assert _("Cancel") == "Abbrechen"
        assert plural("{count} picture", "{count} pictures", 1) == "1 Bild"
        assert plural("{count} picture", "{count} pictures", 2) == "2 Bilder"
        assert _("nothing that was ever translated") == "nothing that was ever translated"
    assert _("Cancel") == "Cancel"


def test_each_language_counts_in_its_own_forms():
    said = {}
    for locale in ("fr", "es-ES", "pt-BR", "ja"):
        with speaking(locale):
            said[locale] = [plural("{count} picture", "{count} pictures", n) for n in (0, 1, 2)]
    assert said == {
        "fr": ["0 image", "1 image", "2 images"],
        "es-ES": ["0 imágenes", "1 imagen", "2 imágenes"],
        "pt-BR": ["0 imagem", "1 imagem", "2 imagens"],
        "ja": ["画像0枚", "画像1枚", "画像2枚"],
    }


def test_a_region_falls_back_to_its_language_and_a_stranger_to_english():
    expected = {
        "de-AT": "Abbrechen",
        "es-ES": "Cancelar",
        "es-419": "Cancelar",
        "pt-BR": "Cancelar",
        "sv-SE": "Cancel",
        "../de": "Cancel",
    }
    for locale, said in expected.items():
        with speaking(locale):
            assert _("Cancel") == said


def test_what_people_typed_is_not_taken_for_a_place():
    assert _("{prompt} is done", prompt="{count}") == "{count} is done"


async def test_each_task_speaks_its_own():
    async def answer(locale: str) -> str:
        speak(locale)
        await asyncio.sleep(0)
        return _("Cancel")

    assert await asyncio.gather(answer("de"), answer("sv-SE")) == ["Abbrechen", "Cancel"]
    assert spoken() == "en"


def test_nothing_is_said_in_every_language():
    """gettext has the file's head under the empty text."""
    assert translate("", "de") == ""
    with speaking("de"):
        assert _("") == ""
