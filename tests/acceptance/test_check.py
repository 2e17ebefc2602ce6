"""`limner check` with everything in its place, and with single things out of it."""

from pydantic import SecretStr

from bot.check import Level, find_all
from bot.client import DiscordAddress
from bot.settings import Settings


async def findings(house, **changes):
    address = house.world.address
    settings = Settings(
        **{
            "discord_token": SecretStr(house.world.token),
            "comfyui_urls": (house.comfyui.url,),
            "data": house.data,
        }
        | changes
    ).with_backends_file()
    where = DiscordAddress(address.api_base, address.gateway_url)
    found = [finding async for finding in find_all(settings, address=where)]
    return {finding.subject: finding for finding in found}


async def test_everything_in_its_place(house):
    found = await findings(house)
    assert {finding.level for finding in found.values()} == {Level.FINE}
    assert "Logged in as Limner; 1000 of 1000 connections left" in found["discord"].sentence
    assert "ComfyUI 0.33.0" in next(
        finding.sentence for subject, finding in found.items() if subject.startswith("backend")
    )
    assert sum(subject.startswith("workflow ") for subject in found) == 6


async def test_a_wrong_token(house):
    found = await findings(house, discord_token=SecretStr("wrong.token.indeed"))
    assert found["discord"].level is Level.FAILED
    assert "refuses this DISCORD_TOKEN" in found["discord"].sentence
    assert "wrong.token" not in str(found)


async def test_one_backend_of_two_is_away(house):
    found = await findings(house, comfyui_urls=(house.comfyui.url, "http://127.0.0.1:9"))
    assert found["backend 127.0.0.1:9"].level is Level.NOTE
    assert "Start ComfyUI there" in found["backend 127.0.0.1:9"].sentence
    assert all(finding.level is not Level.FAILED for finding in found.values())


async def test_no_backend_at_all(house):
    found = await findings(house, comfyui_urls=("http://127.0.0.1:9",))
    assert found["backends"].level is Level.FAILED


async def test_a_backend_without_what_workflows_need(house):
    async with type(house.comfyui)(
        step_seconds=0, load_seconds=0, missing=["UpscaleModelLoader"], models={}
    ) as bare:
        found = await findings(house, comfyui_urls=(bare.url,))
    (upscale,) = [f for subject, f in found.items() if subject.startswith("workflow upscale")]
    assert "Missing nodes: UpscaleModelLoader" in upscale.sentence
    (painting,) = [
        f for subject, f in found.items() if subject.startswith("workflow txt2img-sd on")
    ]
    assert "Missing model" in painting.sentence


async def test_a_model_that_the_service_would_take_is_not_called_missing(house):
    models = {
        "checkpoints": ("only_one.safetensors",),
        "diffusion_models": ("flux.safetensors",),
        "text_encoders": ("clip_l.safetensors", "t5xxl_fp8_e4m3fn.safetensors"),
        "vae": ("mine.safetensors",),
        "upscale_models": ("mine.pth",),
    }
    async with type(house.comfyui)(step_seconds=0, load_seconds=0, models=models) as small:
        found = await findings(house, comfyui_urls=(small.url,))
    assert {finding.level for finding in found.values()} == {Level.FINE}
