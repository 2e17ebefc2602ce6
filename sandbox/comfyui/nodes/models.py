"""Node classes around models: loading, patching, prompts, schedules and sampling."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from sandbox.comfyui.nodes.running import Inputs, QuickNode, Result, RunContext, SlowNode
from sandbox.comfyui.nodes.sampling import Sampling
from sandbox.comfyui.nodes.values import (
    Clip,
    Conditioning,
    Guider,
    Latent,
    Model,
    Pictures,
    Sigmas,
    UpscaleModel,
    Vae,
)

CONTROLLED: Final = 0.75
"""How far a picture leaves the map that a ControlNet follows."""
RESTORED: Final = 0.05
"""How far a picture leaves the one that it restores."""


async def _load_checkpoint(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["ckpt_name"]
    await context.load(name)
    return Result((Model(name), Clip(name), Vae(name)))


async def _load_diffusion_model(context: RunContext, inputs: Inputs) -> Result:
    await context.load(inputs["unet_name"])
    return Result((Model(inputs["unet_name"]),))


async def _load_text_encoder(context: RunContext, inputs: Inputs) -> Result:
    names = [inputs[key] for key in sorted(inputs) if key.startswith("clip_name")]
    for name in names:
        await context.load(name)
    return Result((Clip("+".join(names)),))


async def _load_vision_checkpoint(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["ckpt_name"]
    await context.load(name)
    return Result((Model(name), name, Vae(name)))


async def _load_named(context: RunContext, inputs: Inputs) -> Result:
    """Load a model of which only the name counts."""
    name = next(inputs[key] for key in inputs if key.endswith("_name") or key == "text_encoder")
    await context.load(name)
    return Result((name,))


async def _load_vae(context: RunContext, inputs: Inputs) -> Result:
    await context.load(inputs["vae_name"])
    return Result((Vae(inputs["vae_name"]),))


async def _load_lora(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["lora_name"]
    await context.load(name)
    model: Model = inputs["model"]
    patched = replace(model, loras=(*model.loras, (name, float(inputs["strength_model"]))))
    clip: Clip | None = inputs.get("clip")
    if clip is None:
        return Result((patched,))
    strength = float(inputs["strength_clip"])
    return Result((patched, replace(clip, loras=(*clip.loras, (name, strength)))))


async def _load_upscale_model(context: RunContext, inputs: Inputs) -> Result:
    name = inputs["model_name"]
    await context.load(name)
    factor = next((int(digit) for digit in "2348" if f"x{digit}" in name or f"{digit}x" in name), 4)
    return Result((UpscaleModel(name, factor),))


def _encode_text(_: RunContext, inputs: Inputs) -> Result:
    return Result((Conditioning(str(inputs["text"])),))


def _encode_song(_: RunContext, inputs: Inputs) -> Result:
    return Result((Conditioning(str(inputs["tags"])),))


def _encode_instruction(_: RunContext, inputs: Inputs) -> Result:
    pictures: Pictures | None = inputs.get("image1")
    source = pictures[0] if pictures else None
    return Result((Conditioning(str(inputs["prompt"]), source=source),))


def _refer_to_latent(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    latent: Latent | None = inputs.get("latent")
    if latent is None or conditioning.source is not None:
        return Result((conditioning,))
    return Result((replace(conditioning, source=latent.pictures[0]),))


def _apply_control(_: RunContext, inputs: Inputs) -> Result:
    positive: Conditioning = inputs["positive"]
    guided = replace(positive, source=inputs["image"][0], change=CONTROLLED)
    return Result((guided, inputs["negative"]))


def _condition_on_latent(_: RunContext, inputs: Inputs) -> Result:
    latent: Latent = inputs["vae_conditioning"]
    conditioning = Conditioning("", source=latent.pictures[0], change=RESTORED)
    return Result((conditioning, conditioning))


def _condition_on_view(_: RunContext, _inputs: Inputs) -> Result:
    return Result((Conditioning(""), Conditioning("")))


def _encode_text_flux(_: RunContext, inputs: Inputs) -> Result:
    text = str(inputs["t5xxl"]) or str(inputs["clip_l"])
    return Result((Conditioning(text, float(inputs["guidance"])),))


def _zero_out(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    return Result((replace(conditioning, text=""),))


def _flux_guidance(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    return Result((replace(conditioning, guidance=float(inputs["guidance"])),))


def _random_noise(_: RunContext, inputs: Inputs) -> Result:
    return Result((int(inputs["noise_seed"]),))


def _select_sampler(_: RunContext, inputs: Inputs) -> Result:
    return Result((str(inputs["sampler_name"]),))


def _schedule(_: RunContext, inputs: Inputs) -> Result:
    return Result((Sigmas(int(inputs["steps"]), float(inputs["denoise"])),))


def _manual_schedule(_: RunContext, inputs: Inputs) -> Result:
    return Result((Sigmas(str(inputs["sigmas"]).count(","), 1.0),))


def _flux_schedule(_: RunContext, inputs: Inputs) -> Result:
    return Result((Sigmas(int(inputs["steps"]), 1.0),))


def _basic_guider(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    cfg = conditioning.guidance if conditioning.guidance is not None else 3.5
    return Result((Guider(inputs["model"], conditioning, Conditioning(""), cfg),))


def _cfg_guider(_: RunContext, inputs: Inputs) -> Result:
    guider = Guider(inputs["model"], inputs["positive"], inputs["negative"], float(inputs["cfg"]))
    return Result((guider,))


async def _sample(context: RunContext, inputs: Inputs) -> Result:
    guider = Guider(inputs["model"], inputs["positive"], inputs["negative"], float(inputs["cfg"]))
    sampling = Sampling(
        guider=guider,
        seed=int(inputs["seed"]),
        steps=int(inputs["steps"]),
        denoise=float(inputs["denoise"]),
        latent=inputs["latent_image"],
    )
    return Result((await sampling.run(context),))


async def _sample_advanced(context: RunContext, inputs: Inputs) -> Result:
    guider = Guider(inputs["model"], inputs["positive"], inputs["negative"], float(inputs["cfg"]))
    total = int(inputs["steps"])
    first = min(int(inputs["start_at_step"]), total)
    last = min(int(inputs["end_at_step"]), total)
    latent: Latent = inputs["latent_image"]
    sampling = Sampling(
        guider=guider,
        seed=int(inputs["noise_seed"]),
        steps=max(last - first, 0),
        denoise=(total - first) / total if latent.pictures else 1.0,
        latent=latent,
        unfinished=(total - last) / total
        if inputs["return_with_leftover_noise"] == "enable"
        else 0.0,
    )
    return Result((await sampling.run(context),))


async def _sample_custom(context: RunContext, inputs: Inputs) -> Result:
    sigmas: Sigmas = inputs["sigmas"]
    sampling = Sampling(
        guider=inputs["guider"],
        seed=int(inputs["noise"]),
        steps=sigmas.steps,
        denoise=sigmas.denoise,
        latent=inputs["latent_image"],
    )
    sampled = await sampling.run(context)
    return Result((sampled, sampled))


SLOW: Final[Mapping[str, SlowNode]] = {
    "CLIPLoader": _load_text_encoder,
    "CheckpointLoaderSimple": _load_checkpoint,
    "ControlNetLoader": _load_named,
    "DualCLIPLoader": _load_text_encoder,
    "KSampler": _sample,
    "KSamplerAdvanced": _sample_advanced,
    "ImageOnlyCheckpointLoader": _load_vision_checkpoint,
    "LTXAVTextEncoderLoader": _load_named,
    "LTXVAudioVAELoader": _load_named,
    "LoadBackgroundRemovalModel": _load_named,
    "LoadDA3Model": _load_named,
    "LoraLoader": _load_lora,
    "LoraLoaderModelOnly": _load_lora,
    "SamplerCustomAdvanced": _sample_custom,
    "TripleCLIPLoader": _load_text_encoder,
    "UNETLoader": _load_diffusion_model,
    "UpscaleModelLoader": _load_upscale_model,
    "VAELoader": _load_vae,
}
QUICK: Final[Mapping[str, QuickNode]] = {
    "BasicGuider": _basic_guider,
    "BasicScheduler": _schedule,
    "CFGGuider": _cfg_guider,
    "CLIPTextEncode": _encode_text,
    "CLIPTextEncodeFlux": _encode_text_flux,
    "ConditioningZeroOut": _zero_out,
    "ControlNetApplyAdvanced": _apply_control,
    "Flux2Scheduler": _flux_schedule,
    "FluxGuidance": _flux_guidance,
    "KSamplerSelect": _select_sampler,
    "Hunyuan3Dv2Conditioning": _condition_on_view,
    "ManualSigmas": _manual_schedule,
    "RandomNoise": _random_noise,
    "ReferenceLatent": _refer_to_latent,
    "SeedVR2Conditioning": _condition_on_latent,
    "TextEncodeAceStepAudio1.5": _encode_song,
    "TextEncodeQwenImageEditPlus": _encode_instruction,
}
