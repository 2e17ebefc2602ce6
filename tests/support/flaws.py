"""What is wrong with what a workflow would ask people for, counted from `inspect --json`."""

import re

PICTURES = re.compile(
    r"(image|mask|pose|reference|(first|last)_frame|front|back|left|right)(_\d+)?|last_image"
)
TECHNICAL = re.compile(r"(^|_)(device|dtype|attention|backend|precision|offload|vram)($|_)")
SIZES = frozenset({"size", "width", "height", "aspect_ratio", "megapixels", "resolution"})
MAKES_OF_WORDS = frozenset({"txt2img", "txt2vid"})
PROMPTED = MAKES_OF_WORDS | {"img2img", "edit", "inpaint", "outpaint", "audio", "enhance"}
SEEDS = re.compile(r"(^|\.)(noise_)?seed$")
SAMPLERS = re.compile(r"Sampler|RandomNoise")
SOUGHT = "find"
"""What to look for in a picture, which is asked for beside the prompt."""

MOST_OPTIONS = 23


def find_flaws(report, graph):
    """A sentence for each; `graph` is the one that would run, all of whose nodes count."""
    if not report["usable"]:
        return [f"unusable: {report['problem']}"]
    return [
        *_flaws_of_texts(report),
        *_flaws_of_seeds(report, graph),
        *_flaws_of_names(report),
        *_flaws_of_kind(report),
        *_flaws_of_size(report),
    ]


def shown(report):
    return [each for each in report["inputs"] if not each["hidden"]]


def _flaws_of_texts(report):
    texts = [each for each in shown(report) if each["type"] == "text"]
    required = [each["name"] for each in texts if each["required"] and each["name"] != SOUGHT]
    if len(required) > 1:
        yield f"several texts are required: {required}"
    if report["kind"] in PROMPTED and not texts:
        yield "no text is asked for"
    for each in texts:
        if each["name"] == "prompt" and str(each["default"]).startswith("You are"):
            yield "the prompt is an instruction"
    targets = [target for each in report["inputs"] for target in each["targets"]]
    if len(targets) != len(set(targets)):
        yield "one place is written to twice"


def _flaws_of_seeds(report, graph):
    seeds = [each for each in report["inputs"] if each["type"] == "seed"]
    covered = {target for each in seeds for target in each["targets"] if not each["hidden"]}
    for node_id, node in graph.items():
        if not SAMPLERS.search(node["class_type"]) or "disable" in map(
            str, node["inputs"].values()
        ):
            continue
        for name, value in node["inputs"].items():
            is_fixed = SEEDS.search(name) and isinstance(value, int)
            if is_fixed and f"{node_id}.{name}" not in covered:
                yield f"the seed of {node_id} stays as it is"
    if len(shown(report)) > MOST_OPTIONS:
        yield "more options are shown than a command has room for"


def _flaws_of_names(report):
    for each in shown(report):
        if each["type"] in ("image", "mask") and not PICTURES.fullmatch(each["name"]):
            yield f"a picture is called {each['name']}"
        if each["type"] == "choice" and len(each["choices"]) < 2:
            yield f"{each['name']} is nothing to choose"
        if each["type"] == "choice" and TECHNICAL.search(each["name"]):
            yield f"{each['name']} is about the machine"


def _flaws_of_kind(report):
    types = [each["type"] for each in shown(report)]
    is_other = report["kind"] == "other" and "pictures" in report["results"]
    if is_other and {"seed", "text"} <= set(types) and {"video", "audio"}.isdisjoint(types):
        yield "a prompt makes pictures, and no command would choose it"


def _flaws_of_size(report):
    names = {each["name"] for each in shown(report)}
    if report["kind"] in MAKES_OF_WORDS and not SIZES & names:
        yield "no size is asked for"
