"""Plain-text report on an inspected workflow, for the terminal and for administrators."""

import re
from collections.abc import Iterator

from bot.i18n.language import _, mark, plural
from bot.ui.options import shown_name
from bot.ui.text import harmless, size_text
from generation.library.inspection import Fitness, InspectedInput, Inspection, template_of
from generation.library.models import WantedModel

LINE_CHARACTERS = 300
FILE_CHARACTERS = 100
SHORT_CHARACTERS = 40

_LINKABLE = re.compile(r"https?://[^\s()<>]{1,400}")
"""Addresses that Markdown accepts unescaped."""

TYPES = {
    "text": mark("text"),
    "integer": mark("whole number"),
    "number": mark("number"),
    "boolean": mark("yes or no"),
    "choice": mark("choice"),
    "checkpoint": mark("model"),
    "lora": mark("LoRA"),
    "image": mark("picture"),
    "mask": mark("mask"),
    "video": mark("video"),
    "audio": mark("sound"),
    "size": mark("aspect ratio"),
    "seed": mark("whole number"),
}
"""What people give for an input, by its type."""

PAID = mark("Paid: it calls a service that costs money. It is off until enabled.")


def report_lines(report: Inspection, *, seconds: float | None = None) -> list[str]:
    """Format the lines of a report."""
    command = f" · /{report.command}" if report.command else ""
    lines = [f"{report.title} · {report.kind}{command}"]
    lines += [_("Cannot be used: {problem}", problem=_say(one)) for one in report.problems]
    if report.results:
        lines.append(_("Makes: {results}", results=", ".join(map(_, report.results))))
    if report.is_paid:
        lines.append(_(PAID))
    lines.append(_("Costs: {cost}", cost=_cost(report)))
    if seconds is not None:
        lines.append(_("Takes: {seconds} s, by its last runs", seconds=f"{seconds:.1f}"))
    lines += [*_section(_("Asks for"), report, is_hidden=False)]
    lines += [*_section(_("Hidden, for the operator"), report, is_hidden=True)]
    lines += [_backend_line(backend) for backend in report.backends]
    lines += [_("Note: {note}", note=note) for note in report.notes]
    return lines


def card_lines(report: Inspection) -> Iterator[str]:
    """Format the inputs as members see them, and what is missing, for a message."""
    for problem in report.problems:
        yield harmless(_say(problem), LINE_CHARACTERS)
    if len(report.results) > 1:
        yield _("**Makes** {results}", results=", ".join(map(_, report.results)))
    if report.is_paid:
        yield _(PAID)
    asked = [input_ for input_ in report.inputs if not input_.is_hidden]
    if asked:
        yield _("**Options**")
    for input_ in asked:
        facts = [_(TYPES.get(input_.type, input_.type)), *_facts(input_)]
        facts.append(_("default {value}", value=_default(input_)) if input_.default else "")
        said = harmless(", ".join(filter(None, facts)), LINE_CHARACTERS)
        yield f"`{shown_name(input_.name)}` {said}"
    missing = [model for model in report.models if model.is_missing]
    if missing:
        yield f"**{_('Missing models')}**"
    for model in missing:
        yield model_line(model)
    for fitness in report.backends:
        # Missing models alone are listed already, unless another backend has them.
        if fitness.can_run or fitness.nodes or not missing:
            yield harmless(_backend_line(fitness), LINE_CHARACTERS)


def _say(problem: str) -> str:
    template, facts = template_of(problem)
    return _(template, **facts)


def model_line(model: WantedModel) -> str:
    """Format a missing model file: a link if its source is known, and its folder."""
    shown, folder, url = harmless(model.name, FILE_CHARACTERS), model.folder, model.url
    linked = f"[{shown}]({url})" if url is not None and _LINKABLE.fullmatch(url) else shown
    return f"{linked} → models/{harmless(folder, FILE_CHARACTERS)}" if folder else linked


def _cost(report: Inspection) -> str:
    if report.cost_input is None or report.cost_unit is None:
        return _("{cost} a picture", cost=report.cost)
    return _(
        "{cost} per started {unit} of {input}",
        cost=report.cost,
        unit=f"{report.cost_unit:g}",
        input=report.cost_input,
    )


def _section(title: str, report: Inspection, *, is_hidden: bool) -> Iterator[str]:
    inputs = [input_ for input_ in report.inputs if input_.is_hidden is is_hidden]
    if not inputs:
        return
    yield f"{title}:"
    for input_ in inputs:
        yield f"  {_input_line(input_)}"
        if input_.reason:
            yield f"      {input_.reason}"


def _input_line(input_: InspectedInput) -> str:
    facts = [input_.type, *_facts(input_)]
    facts.append(f"= {_short(input_.default)}" if input_.default else "")
    where = ", ".join(input_.targets)
    return f"{input_.name} ({', '.join(filter(None, facts))}) → {where}"


def _facts(input_: InspectedInput) -> Iterator[str]:
    yield input_.bounds
    if input_.choice_count:
        yield plural("{count} choice", "{count} choices", input_.choice_count)
    if input_.required:
        yield _("required")


def _backend_line(fitness: Fitness) -> str:
    if fitness.can_run and fitness.stand_ins:
        used = ", ".join(
            f"{replacement} ({named})" for named, replacement in fitness.stand_ins.items()
        )
        return _(
            "On {backend}: can run, with other models than it names: {models}.",
            backend=fitness.backend,
            models=used,
        )
    if fitness.can_run:
        return _("On {backend}: can run.", backend=fitness.backend)
    lacks = []
    if fitness.nodes:
        lacks.append(_("missing nodes: {nodes}", nodes=", ".join(fitness.nodes)))
    if fitness.models:
        lacks.append(_("missing models: {models}", models=", ".join(fitness.models)))
    return _("On {backend}: {lacks}.", backend=fitness.backend, lacks="; ".join(lacks))


def _default(input_: InspectedInput) -> str:
    if input_.type == "boolean":
        return _("On") if input_.default == "True" else _("Off")
    if input_.type == "size":
        return size_text(input_.default)
    return _short(input_.default)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= SHORT_CHARACTERS else f"{line[: SHORT_CHARACTERS - 1]}…"
