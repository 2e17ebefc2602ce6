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
    Sigmas,
    UpscaleModel,
    Vae,
)


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


def _encode_text_flux(_: RunContext, inputs: Inputs) -> Result:
    text = str(inputs["t5xxl"]) or str(inputs["clip_l"])
    return Result((Conditioning(text, float(inputs["guidance"])),))


def _zero_out(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    return Result((replace(conditioning, text=""),))


def _flux_guidance(_: RunContext, inputs: Inputs) -> Result:
    conditioning: Conditioning = inputs["conditioning"]
    return Result((replace(conditioning, guidance=float(inputs["guidance"])),))


def _pass_clip(_: RunContext, inputs: Inputs) -> Result:
    return Result((inputs["clip"],))


def _pass_model(_: RunContext, inputs: Inputs) -> Result:
    return Result((inputs["model"],))


def _random_noise(_: RunContext, inputs: Inputs) -> Result:
    return Result((int(inputs["noise_seed"]),))


def _select_sampler(_: RunContext, inputs: Inputs) -> Result:
    return Result((str(inputs["sampler_name"]),))


def _schedule(_: RunContext, inputs: Inputs) -> Result:
    return Result((Sigmas(int(inputs["steps"]), float(inputs["denoise"])),))


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
    "DualCLIPLoader": _load_text_encoder,
    "KSampler": _sample,
    "KSamplerAdvanced": _sample_advanced,
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
    "CLIPSetLastLayer": _pass_clip,
    "CLIPTextEncode": _encode_text,
    "CLIPTextEncodeFlux": _encode_text_flux,
    "ConditioningZeroOut": _zero_out,
    "DifferentialDiffusion": _pass_model,
    "FluxGuidance": _flux_guidance,
    "KSamplerSelect": _select_sampler,
    "ModelSamplingFlux": _pass_model,
    "ModelSamplingSD3": _pass_model,
    "RandomNoise": _random_noise,
}
