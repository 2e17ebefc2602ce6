"""What people write into a prompt beside words, and what a server decides of it."""

import pytest

from sandbox.people import Person, as_text
from tests.support.messages import press_more
from tests.support.pictures import build_picture

PATIENCE_S = 60


@pytest.fixture
def ada(environment):
    return Person(environment.world, "ada")


async def ask(person, command, **options):
    """What somebody reads as the answer to a command."""
    reply = await person.slash("general", command, **options)
    message = await reply.until(lambda message: not reply.is_thinking, PATIENCE_S)
    return as_text(message).replace("\\", "")


async def generate(environment, **options):
    """The graph of a generation, and the text of its message."""
    reply = await environment.ana.slash("general", "imagine", steps=1, **options)
    done = await reply.until(environment.is_done, PATIENCE_S)
    return environment.comfyui.log.posts[-1].graph, as_text(done), done


def loras_of(graph):
    nodes = (node["inputs"] for node in graph.values() if node["class_type"] == "LoraLoader")
    return {(node["lora_name"], node["strength_model"], node["strength_clip"]) for node in nodes}


async def test_loras_with_weights_in_the_prompt_and_the_option(environment):
    async with environment.bot() as core:
        first, second = core.service.files("lora")[:2]
        prompt = f"a fox <lora:{first.removesuffix('.safetensors')}:0.4>"
        graph, _, done = await generate(environment, prompt=prompt, lora=f"{second}:1.5")
        assert loras_of(graph) == {(first, 0.4, 0.4), (second, 1.5, 1.5)}
        assert graph["6"]["inputs"]["text"] == "a fox"
        info = await ask_button(environment, done, "Info")
        assert first in info
        assert second in info
        assert "No LoRA is called gone" in await ask(
            environment.ana, "imagine", prompt="<lora:gone:1>"
        )
        told = await ask(environment.ana, "imagine", prompt=f"<lora:{first}:99>")
        assert "from -10 to 10" in told


async def ask_button(environment, message, label):
    reply = await press_more(environment.ana, message, label)
    message = await reply.until(lambda message: not reply.is_thinking, PATIENCE_S)
    return as_text(message).replace("\\", "")


async def test_wildcards_are_drawn_by_the_seed_and_again_draws_anew(environment, ada, tmp_path):
    (environment.data / "wildcards").mkdir(parents=True)
    (environment.data / "wildcards" / "Animal.txt").write_text("# beasts\nfox\n")
    colors = [f"color{number}" for number in range(40)]
    async with environment.bot() as core:
        file = tmp_path / "colors.txt"
        file.write_text("\n".join(colors))
        told = await ask(ada, "limner wildcards set", name="__color__", file=file)
        assert "with 40 alternatives" in told
        listed = await ask(ada, "limner wildcards list")
        assert "color0 | color1" in listed
        prompt = "a __color__ {calm|calm} __animal__"
        graph, told, done = await generate(environment, prompt=prompt, seed=7)
        drawn = graph["6"]["inputs"]["text"]
        assert drawn.split()[1] in colors
        assert drawn.endswith("calm fox")
        assert drawn in told
        assert prompt in await ask_button(environment, done, "Info")
        assert (await generate(environment, prompt=prompt, seed=7))[0]["6"]["inputs"][
            "text"
        ] == drawn
        texts = {drawn}
        for _ in range(3):
            await environment.ana.click(done, "Again")
            count = len(environment.comfyui.log.posts)
            await environment.world.wait_for(
                lambda count=count: len(environment.comfyui.log.posts) > count - 1, PATIENCE_S
            )
        await environment.world.wait_for(
            lambda: len(environment.comfyui.log.posts) == 5, PATIENCE_S
        )
        texts |= {post.graph["6"]["inputs"]["text"] for post in environment.comfyui.log.posts}
        assert len(texts) > 1
        assert "There is no list mood" in await ask(environment.ana, "imagine", prompt="__mood__")
        file.write_text("x" * 1_000_000)
        told = await ask(ada, "limner wildcards set", name="large", file=file)
        assert "up to 100 kB" in told
        await ask(ada, "limner wildcards remove", name="color")
        assert (await core.services.wildcards.texts(environment.world.guild_id)) == {}


async def offered(person, option):
    """The values that `/imagine` offers."""
    choices = await person.autocomplete("general", "imagine", option)
    return [choice["value"] for choice in choices]


async def test_a_role_may_use_what_it_was_given(environment, ada):
    everyone = environment.world.guild_id
    async with environment.bot() as core:
        first, second = core.service.files("lora")[:2]
        given = {"workflows": "txt2img-s*", "loras": first, "options": "lora, steps, guidance"}
        told = await ask(ada, "limner roles access", role=str(everyone), **given)
        assert "options: lora, steps, guidance" in told
        graph, _, _ = await generate(environment, prompt="a fox", lora=first, guidance=5)
        assert loras_of(graph)
        for options, refused in (
            ({"lora": second, "steps": 1}, second),
            ({"prompt": f"a <lora:{second}>"}, second),
            ({"seed": 4}, "seed"),
            ({"workflow": "txt2img-flux"}, "txt2img-flux"),
        ):
            told = await ask(environment.ana, "imagine", **{"prompt": "a fox", **options})
            assert "Your roles cannot use" in told
            assert refused in told.replace("\\", "")
        names = ["txt2img-sd", "txt2img-sd15", "txt2img-sd3"]
        assert await offered(environment.ana, "workflow") == names
        assert await offered(environment.ana, "lora") == [first]
        assert "There is no workflow for that" in await ask(
            environment.ana, "upscale", image=build_picture()
        )
        for choices in (
            await environment.ana.autocomplete("general", "upscale", "workflow"),
            await environment.ana.autocomplete("general", "presets save", "lora", second[:4]),
        ):
            assert choices == []
        await ask(ada, "limner roles access", role=str(everyone), options="*", loras="*")
        await generate(environment, prompt="a fox", lora=second, seed=4)


async def test_a_channel_has_a_workflow_and_a_server_has_presets(environment, ada):
    channel = str(environment.world.channel("general").id)
    async with environment.bot():
        told = await ask(ada, "limner channels workflow", channel=channel, workflow="none")
        assert "There is no workflow of that name" in told
        options = {"channel": channel, "workflow": "txt2img-sd3"}
        assert "txt2img-sd3" in await ask(ada, "limner channels workflow", **options)
        _, told, _ = await generate(environment, prompt="a fox")
        assert "SD 3.5" in told
        _, told, _ = await generate(environment, prompt="a fox", workflow="txt2img-sd")
        assert "SD 3.5" not in told
        await ask(ada, "limner channels workflow", channel=channel)
        _, told, _ = await generate(environment, prompt="a fox")
        assert "SD 3.5" not in told
        preset = {"name": "tall", "aspect": "2:3", "server": True}
        assert "You need Manage" in await ask(environment.ana, "presets save", **preset)
        await ask(ada, "presets save", **preset)
        assert "Of this server" in await ask(environment.ana, "presets list")
        reply = await environment.ana.slash("general", "presets use", name="tall", prompt="a fox")
        await reply.until(environment.is_done, PATIENCE_S)
        size = environment.comfyui.log.posts[-1].graph["5"]["inputs"]
        assert size["width"] < size["height"]
