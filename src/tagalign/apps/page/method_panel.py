"""The chooser of a method on the page: what it is and needs, its options as controls, and what every method takes beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import gradio as gr
from markupsafe import Markup

from tagalign.apps.page.choice import MethodChoice
from tagalign.apps.page.controls import (
    Control,
    all_controls,
    at_start,
    controls_of,
    method_facts,
    read_controls,
)
from tagalign.apps.page.studio import Studio
from tagalign.apps.page.texts import say
from tagalign.pages.document import joined
from tagalign.tasks.regions.options import MIN_AREA

BACKGROUND_WORDS = ("none", "voc", "coco")
"""Lists by name, as a request names them."""


@dataclass(frozen=True, kw_only=True, eq=False)
class MethodPanel:
    """The chooser, and every control beside it.

    Attributes:
        studio: what answers.
        method: the chooser.
        shared: look, background words, instances and the least area of one: no options of a method.
        fields: of the options of all methods, by name; those of the chosen one are shown.
        chosen: event after which the fields are those of another method.
    """

    studio: Studio
    method: Any
    shared: tuple[Any, ...]
    fields: dict[str, Any]
    chosen: Any

    @property
    def inputs(self) -> list[Any]:
        """Components that every question is asked with."""
        return [self.method, *self.shared, *self.fields.values()]

    @property
    def changes(self) -> list[Any]:
        """Events of a control that was set."""
        own = [one.submit if hasattr(one, "submit") else one.input for one in self.fields.values()]
        return [*own, *(one.input for one in self.shared)]

    def choice(self, values: Sequence[Any]) -> MethodChoice:
        """What was chosen, from the values of ``inputs``."""
        method, look, words, instances, area, *own = values
        controls = controls_of(method, self.studio.started)
        return MethodChoice(
            method=method,
            options=read_controls(controls, dict(zip(self.fields, own, strict=True))),
            look=look or None,
            background_words=words or None,
            instances=bool(instances),
            min_area=int(area or 0),
        )


def add_method_panel(studio: Studio) -> MethodPanel:
    """Build the chooser inside the page that is being built."""
    first = studio.methods[0]
    method = gr.Dropdown(
        method_choices(studio.offered), value=first, label=say("method.title"), elem_id="look-method"
    )
    card = gr.HTML(method_card(first), elem_classes="flush", elem_id="method-card")
    controls = all_controls(studio.offered, studio.started)
    with gr.Accordion(say("method.options"), open=False, elem_id="look-options"):
        fields = _fields([one for one in controls if one.common], studio, first)
        shared = _shared(studio)
        with gr.Accordion(say("method.more"), open=False, elem_id="look-more-options"):
            fields |= _fields([one for one in controls if not one.common], studio, first)
            fixed = gr.Markdown(_fixed(first))

    def shown(name: str) -> list[Any]:
        own = {one.name: one for one in controls_of(name, studio.started)}
        updates = [_update(one, own.get(one.name)) for one in controls]
        return [method_card(name), _fixed(name), *updates]

    chosen = method.change(
        shown, method, [card, fixed, *(fields[one.name] for one in controls)], api_visibility="private"
    )
    return MethodPanel(studio=studio, method=method, shared=shared, fields=fields, chosen=chosen)


def method_choices(methods: Sequence[str]) -> list[tuple[str, str]]:
    """Methods with what they cost, and their names as values."""
    costs = {method: method_facts(method).get("costs", "") for method in methods}
    return [
        (say("method.title_cost", method=method, cost=cost) if cost else method, method)
        for method, cost in costs.items()
    ]


def _shared(studio: Studio) -> tuple[Any, ...]:
    look = gr.Dropdown(
        [(say("method.no_look"), ""), *((name, name) for name in studio.looks)],
        value="",
        label=say("method.look"),
        info=say("method.look_hint"),
        elem_id="option-look",
    )
    words = gr.Dropdown(
        [(say("method.words_own"), ""), *((name, name) for name in BACKGROUND_WORDS)],
        value="",
        label=say("method.words"),
        info=say("method.words_hint"),
        elem_id="option-words",
    )
    instances = gr.Checkbox(
        False, label=say("method.instances"), info=say("method.instances_hint"), elem_id="option-instances"
    )
    area = gr.Number(MIN_AREA, label=say("method.area"), minimum=0, precision=0, elem_id="option-min-area")
    return look, words, instances, area


def _fields(controls: Sequence[Control], studio: Studio, first: str) -> dict[str, Any]:
    own = {one.name: one for one in controls_of(first, studio.started)}
    return {one.name: _field(one, own.get(one.name)) for one in controls}


def _field(control: Control, own: Control | None) -> Any:
    """A component for an option of several methods, as the chosen one has it."""
    shared: dict[str, Any] = {
        "label": control.title,
        "info": (own or control).hint,
        "visible": own is not None,
        "elem_id": f"option-{control.name.replace('_', '-')}",
    }
    if control.kind == "choice":
        one = own or control
        return gr.Dropdown(list(one.choices), value=one.default, **shared)
    if control.kind == "switch":
        return gr.Checkbox(bool((own or control).default), **shared)
    if control.kind == "text":
        return gr.Textbox((own or control).text, placeholder=say("method.own"), **shared)
    return gr.Number(
        (own or control).default,
        precision=0 if control.kind == "whole" else None,
        minimum=control.least,
        maximum=control.most,
        step=1 if control.kind == "whole" else 0.05,
        **shared,
    )


def _update(control: Control, own: Control | None) -> Any:
    """What changes in a component when another method is chosen."""
    if own is None:
        return gr.update(visible=False)
    value = own.text if control.kind == "text" else own.default
    more: dict[str, Any] = {"choices": list(own.choices)} if control.kind == "choice" else {}
    return gr.update(visible=True, value=value, info=own.hint, **more)


def _fixed(method: str) -> str:
    """Which options are settled already."""
    names = ", ".join(f"`{name}`" for name in at_start(method))
    return say("method.settled", names=names) if names else ""


def method_card(method: str) -> str:
    """What a method is, answers, costs and needs."""
    rows = joined(
        Markup("<dt>{}</dt><dd>{}</dd>").format(say(f"method.{name}"), text)
        for name, text in method_facts(method).items()
        if name != "what"
    )
    what = method_facts(method).get("what", "")
    return (
        str(Markup('<div class="method-card"><p>{}</p><dl>{}</dl></div>').format(what, rows)) if what else ""
    )
