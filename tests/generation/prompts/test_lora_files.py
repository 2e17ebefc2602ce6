"""LoRAs as people name them."""

import pytest

from generation.errors import FailureKind, RequestRefused
from generation.prompts.lora_files import read_option, read_tags
from workflows.lora_tags import Lora

FILES = ("shine.safetensors", "styles/Ink.safetensors", "old/ink.pt", "a, b.safetensors")


def test_tags_name_the_files_that_backends_have():
    prompt, loras = read_tags("a fox <lora:SHINE:0.8>, at <lora:a, b> night", FILES)
    assert loras == (Lora("shine.safetensors", 0.8), Lora("a, b.safetensors"))
    assert prompt == "a fox, at night <lora:shine.safetensors:0.8><lora:a, b.safetensors>"
    assert read_tags(prompt, FILES) == (prompt, loras)
    assert read_tags("a <b> c", FILES) == ("a <b> c", ())


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("shine.safetensors", "shine.safetensors"),
        ("a, b.safetensors", "a, b.safetensors"),
        ("shine", "shine.safetensors"),
        ("shine:0.5", "<lora:shine.safetensors:0.5>"),
        ("shine : -1, old/ink.pt", "<lora:shine.safetensors:-1><lora:old/ink.pt>"),
        ("<lora:shine:2>", "<lora:shine.safetensors:2>"),
    ],
)
def test_the_option_takes_several_with_their_weights(option, value):
    assert read_option(option, FILES) == value


@pytest.mark.parametrize(
    ("prompt", "kind", "said"),
    [
        ("<lora:gone:1>", FailureKind.MISSING_MODEL, "No LoRA is called gone"),
        ("<lora:../../etc/passwd:1>", FailureKind.MISSING_MODEL, "No LoRA is called ../../etc"),
        ("<lora:ink:1>", FailureKind.INVALID_OPTION, "Several LoRAs are called ink"),
        ("<lora:shine:11>", FailureKind.INVALID_OPTION, "from -10 to 10"),
        ("<lora:shine:nan>", FailureKind.INVALID_OPTION, "from -10 to 10"),
        ("<lora:shine:much>", FailureKind.INVALID_OPTION, "from -10 to 10"),
        ("<lora:shine:1>" * 9, FailureKind.INVALID_OPTION, "up to 8 LoRAs; these are 9"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(prompt, kind, said):
    with pytest.raises(RequestRefused) as refused:
        read_tags(prompt, FILES)
    assert refused.value.kind is kind
    assert said in str(refused.value)


def test_without_any_installed_no_list_is_shown():
    with pytest.raises(RequestRefused, match="none is installed"):
        read_tags("<lora:gone>", ())
