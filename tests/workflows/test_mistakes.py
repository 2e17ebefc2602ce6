"""Every mistake in a `workflow.toml` becomes a sentence that names the table and the field."""

import pytest

from workflows.errors import InvalidManifest
from workflows.reading import parse_manifest

STEPS = 'name = "steps"\ntype = "integer"\ntargets = ["3.steps"]\n'


def table(*lines: str) -> str:
    return "\n".join(['title = "Small"', "[[input]]", *lines])


FORM = [
    (
        'title = "a"\naccess = 5',
        "Top of the file: the access must be written as an [access] table.",
    ),
    (
        'title = "a"\n[access]\nrole = [1]',
        '[access]: "role" is not a field; did you mean roles.',
    ),
    (
        'title = "a"\n[access]\nroles = ["1"]',
        '[access]: "roles" must be a whole number.',
    ),
    ('title = "a"\n[classes]\n"3" = 5', '[classes]: "3" must be text in quotes.'),
    ('title = "open', "This is not valid TOML: "),
    ("title = 1" + "0" * 5000, "This is not valid TOML: "),
    ("", 'Top of the file: "title" is missing.'),
    ('title = ""', 'Top of the file: "title" must not be empty.'),
    ("title = 5", 'Top of the file: "title" must be text in quotes.'),
    (
        'title = "a"\nkind = "txt3img"',
        'Top of the file: "kind" must be one of txt2img, img2img, edit, inpaint,',
    ),
    ('title = "a"\ncost = -1', 'Top of the file: "cost" must be at least 0.'),
    ('title = "a"\ncost = 1001', 'Top of the file: "cost" must be at most 1000.'),
    ('title = "a"\ncost = 1.5', 'Top of the file: "cost" must be a whole number.'),
    ('title = "a"\ncost = true', 'Top of the file: "cost" must be a whole number.'),
    ('title = "a"\ncolour = 1', 'Top of the file: "colour" is not a field.'),
    ('title = "a"\ntitel = "b"', 'Top of the file: "titel" is not a field; did you mean title.'),
    (
        'title = "a"\n[[inputs]]\nname = "x"',
        'Top of the file: "inputs" is not a field; did you mean input.',
    ),
    ('title = "a"\ninput = 5', "Top of the file: inputs must be written as [[input]] tables."),
    ('title = "a"\ninput = [5]', "[[input]] number 1: this must be a table."),
    (
        'title = "a"\noutput = 5',
        "Top of the file: the output must be written as an [output] table.",
    ),
    (
        'title = "a"\n[output]\nnodes = "9"',
        '[output]: "nodes" must be a list such as ["6.text"].',
    ),
    (table('type = "text"'), '[[input]] number 1: "name" is missing.'),
    (table('name = "steps"'), '[[input]] "steps": "type" is missing.'),
    (
        table('name = "steps"', 'type = "int"'),
        (
            '[[input]] "steps": "type" must be one of text, integer, number, boolean, choice,'
            " checkpoint, lora, image, mask, video, audio, size, seed."
        ),
    ),
    (
        table(STEPS, 'min = "1"'),
        '[[input]] "steps": "min" must be a number.',
    ),
    (table(STEPS, "min = nan"), '[[input]] "steps": "min" must be a finite number.'),
    (table(STEPS, "step = 0"), '[[input]] "steps": "step" must be more than 0.'),
    (
        table(STEPS, "default = [1]"),
        '[[input]] "steps": "default" must be text in quotes, a number, true or false.',
    ),
    (table(STEPS, 'required = "yes"'), '[[input]] "steps": "required" must be true or false.'),
    (
        table('name = "steps"', 'type = "integer"', 'targets = "3.steps"'),
        '[[input]] "steps": "targets" must be a list such as ["6.text"].',
    ),
    (
        table('name = "steps"', 'type = "integer"', "targets = [3]"),
        '[[input]] "steps": "targets" must be text in quotes.',
    ),
    (
        table(STEPS, "maximum = 5"),
        '[[input]] "steps": "maximum" is not a field; did you mean max.',
    ),
    (
        table(STEPS, "colour = true"),
        '[[input]] "steps": "colour" is not a field.',
    ),
    (
        table(STEPS, f'description = "{"x" * 101}"'),
        '[[input]] "steps": "description" must have at most 100 characters.',
    ),
]

MEANING = [
    (
        'title = "a"\ncost_unit = 5',
        'Top of the file: "cost_input" and "cost_unit" must be given together.',
    ),
    (
        'title = "a"\ncost_input = "x"\ncost_unit = 5',
        'Top of the file: "cost_input" names "x", which is no input.',
    ),
    (
        table('name = "prompt"', 'type = "text"', 'targets = ["6.text"]', 'draw = ["a"]'),
        '[[input]] "prompt": "draw" cannot be used for the prompt, which people write.',
    ),
    (
        table(STEPS, "max = 9", "draw = [5, 10]"),
        '[[input]] "steps": "draw" cannot be used: steps must be a whole number: ≤ 9.',
    ),
    (
        table('name = "mask"', 'type = "mask"', 'replaces = "6"'),
        '[[input]] "mask": "replaces" names node "6", whose second output nothing uses.',
    ),
    (
        table(STEPS, "[classes]", '"3" = "KSamplerAdvanced"', '"404" = "Gone"'),
        (
            '[classes]: node "3" was KSamplerAdvanced and is now KSampler: the graph was saved'
            " anew. Correct the inputs that name it, and this table."
        ),
    ),
    (
        'title = "a"\ncommand = "My Command"',
        'Top of the file: "command" must have up to 32 small letters, digits, - or _.',
    ),
    (
        table('name = "Steps!"', 'type = "integer"', 'targets = ["3.steps"]'),
        '[[input]] "Steps!": "name" must have up to 32 small letters, digits, - or _.',
    ),
    (
        table('name = "private"', 'type = "boolean"', 'targets = ["9.quiet"]'),
        (
            '[[input]] "private": "name" is what every command calls an option of its own;'
            " choose another."
        ),
    ),
    (
        table('name = "seed"', 'type = "integer"', 'targets = ["3.seed"]'),
        '[[input]] "seed": "type" must be seed for an input of this name.',
    ),
    (table('name = "n"', 'type = "integer"'), '[[input]] "n": "targets" is missing.'),
    (
        table('name = "n"', 'type = "choice"', 'targets = ["3.sampler_name"]'),
        '[[input]] "n": "choices" is missing.',
    ),
    (
        table('name = "size"', 'type = "size"', 'width = ["5.width"]'),
        '[[input]] "size": "height" is missing.',
    ),
    (table('name = "lora"', 'type = "lora"'), '[[input]] "lora": "targets" or "wraps" is missing.'),
    (
        table(STEPS, "area = 5"),
        '[[input]] "steps": "area" means nothing for an input of type integer.',
    ),
    (table(STEPS, "min = 5", "max = 4"), '[[input]] "steps": "min" is larger than max.'),
    (
        table(STEPS, "max = 4", "default = 5"),
        '[[input]] "steps": "default" cannot be used: steps must be a whole number: ≤ 4.',
    ),
    (
        table('name = "image"', 'type = "image"', 'targets = ["10.image"]', 'default = "a.png"'),
        '[[input]] "image": "default" cannot be given: people attach pictures.',
    ),
    (
        table('name = "seed"', 'type = "seed"', 'targets = ["3.seed"]', "default = 5"),
        (
            '[[input]] "seed": "default" cannot be given unless it is hidden: a new seed is drawn'
            " for every generation."
        ),
    ),
    (
        table(STEPS, "required = true", "default = 5"),
        '[[input]] "steps": "default" is never used, because the input is required.',
    ),
    (
        table(STEPS, "required = true", "hidden = true"),
        '[[input]] "steps": "required" cannot be true for a hidden input: nobody could give it.',
    ),
    (
        table(STEPS, "[[input]]", STEPS.replace("3.steps", "3.cfg")),
        '[[input]] "steps": "name" is used more than once.',
    ),
    (
        table(STEPS, "[[input]]", STEPS.replace('"steps"', '"more"')),
        'More than one [[input]] writes to "3.steps".',
    ),
    (
        table(STEPS.replace("3.steps", "steps")),
        '[[input]] "steps": "targets" has "steps", which is not of the form "node.input".',
    ),
    (
        table(STEPS.replace("3.steps", "99.steps")),
        '[[input]] "steps": "targets" names node "99", which the graph does not have.',
    ),
    (
        table(STEPS.replace("3.steps", "5.steps")),
        '[[input]] "steps": "targets" names "5.steps", but node "5" has width, height.',
    ),
    (
        table(STEPS.replace("3.steps", "3.model")),
        (
            '[[input]] "steps": "targets" names "3.model", which is connected to node "4"'
            " and takes no value."
        ),
    ),
    (
        table('name = "lora"', 'type = "lora"', 'wraps = "99"'),
        '[[input]] "lora": "wraps" names node "99", which the graph does not have.',
    ),
    (
        table('name = "lora"', 'type = "lora"', 'wraps = "9"'),
        '[[input]] "lora": "wraps" names node "9", whose first output nothing uses.',
    ),
    (
        'title = "a"\n[output]\nnodes = ["99"]',
        '[output]: "nodes" names node "99", which the graph does not have.',
    ),
    (
        table(
            'name = "image"', 'type = "image"', 'targets = ["10.image"]', "[output]", 'nodes=["9"]'
        ),
        '[[input]] "image": no output depends on "10.image".',
    ),
]


@pytest.mark.parametrize(("toml", "sentence"), FORM)
def test_a_mistake_of_form(toml, sentence):
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest(toml)
    assert len(caught.value.sentences) == 1
    assert caught.value.sentences[0].startswith(sentence)


@pytest.mark.parametrize(("toml", "sentence"), MEANING)
def test_a_mistake_of_meaning(build, toml, sentence):
    with pytest.raises(InvalidManifest) as caught:
        build(toml)
    assert caught.value.sentences == (sentence,)


def test_all_mistakes_are_told_at_once(build):
    with pytest.raises(InvalidManifest) as caught:
        parse_manifest("cost = -1\n[[input]]\nmin = true\n")
    assert caught.value.sentences == (
        'Top of the file: "title" is missing.',
        'Top of the file: "cost" must be at least 0.',
        '[[input]] number 1: "name" is missing.',
        '[[input]] number 1: "type" is missing.',
        '[[input]] number 1: "min" must be a number.',
    )
    with pytest.raises(InvalidManifest) as caught:
        build(table(STEPS, "area = 1", "wraps = '4'", "[output]", "nodes = ['1', '2']"))
    assert len(caught.value.sentences) == 4


def test_a_manifest_cannot_be_changed(build):
    manifest = build(table(STEPS)).manifest
    with pytest.raises(ValueError, match="frozen"):
        manifest.title = "other"
    with pytest.raises(ValueError, match="frozen"):
        manifest.inputs[0].min = 5


def test_hidden_inputs_are_not_among_the_options(build):
    manifest = build(table(STEPS, "hidden = true", "[[input]]", 'name = "seed"\ntype = "seed"',
                           'targets = ["3.seed"]')).manifest  # fmt: skip
    assert manifest.options == {"seed"}
    assert manifest.find("steps") is not None
    assert manifest.find("cfg") is None


def test_every_list_of_models_is_found_by_class_and_input(build):
    workflow = build(
        table(
            'name = "model"',
            'type = "checkpoint"',
            'targets = ["4.ckpt_name"]',
            "[[input]]",
            'name = "lora"',
            'type = "lora"',
            'wraps = "4"',
        )
    )
    assert workflow.model_slots == {
        "model": ("CheckpointLoaderSimple", "ckpt_name"),
        "lora": ("LoraLoader", "lora_name"),
    }
