"""The page: what stands where, and which handler answers which control."""

from __future__ import annotations

import re
from html import escape
from importlib.resources import files
from typing import Any

import gradio as gr

from data.images import EXTENSIONS
from flows.app.choices import Choice, usable
from flows.app.handlers import Handlers
from flows.app.parts import Parts
from flows.app.sessions import Sessions
from flows.app.words import note

_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif")  # of the system: none is fetched

_TITLE = '<h1>Person removal</h1><p class="lead">Drop a photo, choose who goes, take the result home.</p>'

_WELCOME = (
    "Everything happens on this machine: the photo goes nowhere, and nothing of it is kept when this tab is closed. "
    "JPEG, PNG, WebP, TIFF, AVIF, GIF, BMP and JPEG 2000 come back as what they were."
)


def build(sessions: Sessions, segmenters: list[Choice], fills: list[Choice]) -> gr.Blocks:
    """The page, gr.Blocks. segmenters, fills: the first is chosen; how to get the unusable ones stands there."""
    page = gr.Blocks(title="Person removal", analytics_enabled=False)
    with page:
        parts = _layout(segmenters, fills)
        _wire(page, parts, Handlers(sessions, parts))
    return page


def theme() -> gr.themes.Base:
    base = gr.themes.Base(primary_hue="blue", neutral_hue="slate", font=_FONTS, font_mono=("ui-monospace", "monospace"))
    return base.set(
        button_primary_background_fill="#1d4ed8",
        button_primary_background_fill_dark="#1d4ed8",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_300",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_300",
    )


def asset(name: str) -> str:
    """Text of one of the page's files."""
    return (files("flows.app") / "assets" / name).read_text(encoding="utf-8")


def _layout(segmenters: list[Choice], fills: list[Choice]) -> Parts:
    with gr.Row(equal_height=True, elem_id="head"):
        gr.HTML(_TITLE, min_width=300)
        upload = gr.File(
            label="Photo", file_types=["image", *sorted(EXTENSIONS)], height=96, elem_id="photo", min_width=300
        )
    message = gr.HTML(note(_WELCOME), elem_id="message")
    with gr.Row(visible=False) as desk:
        with gr.Column(scale=3, min_width=320):
            stage = _part("stage", picture="")
        with gr.Column(scale=1, min_width=280):
            people = gr.CheckboxGroup([], label="Who goes", elem_id="people")
            with gr.Row():
                everyone = gr.Button("Everyone", size="sm", min_width=80)
                nobody = gr.Button("Nobody", size="sm", min_width=80)
            dilate = gr.Slider(
                *(0, 30),
                step=1,
                label="Room around them",
                info="In % of their size. More takes rims and shadows along.",
                elem_id="room",
            )
            go = gr.Button("Remove", variant="primary", size="lg", elem_id="go")
            fill = _radio(fills, "Filled by", "fill")
            with gr.Accordion("More", open=False):
                segmenter = _radio(segmenters, "People found by", "segmenter")
                gr.HTML(_ways_to([*segmenters, *fills]))
    with gr.Column(visible=False, elem_id="outcome") as outcome:
        verdict = gr.HTML(elem_id="verdict")
        again = gr.Button("Remove them too", visible=False, size="sm", elem_id="again")
        result = _part("result", before="", after="")
        with gr.Row(equal_height=True):
            compare = gr.Radio([], label="Compare with", elem_id="compare")
            scrub = gr.Checkbox(
                label="Without personal metadata",
                info="Only colours, orientation, resolution and exposure stay.",
                elem_id="scrub",
            )
            download = gr.HTML(elem_id="download")
    return Parts(
        *(upload, message, desk, stage, people, everyone, nobody, dilate, fill, segmenter, go),
        *(outcome, verdict, again, result, compare, scrub, download),
    )


def _part(name: str, **props: Any) -> gr.HTML:
    """A part of the page that Gradio has no component for: our own HTML, CSS and script."""
    return gr.HTML(
        None,
        html_template=asset(f"{name}.html"),
        css_template=asset(f"{name}.css"),
        js_on_load=asset(f"{name}.js"),
        apply_default_css=False,
        elem_id=name,
        **props,
    )


def _radio(choices: list[Choice], label: str, elem_id: str) -> gr.Radio:
    here = [(choice.label, choice.name) for choice in usable(choices)]
    return gr.Radio(here, value=here[0][1], label=label, elem_id=elem_id)


def _ways_to(choices: list[Choice]) -> str:
    missing = [choice.problem for choice in choices if choice.problem]
    items = [re.sub(r"(person-removal .+)", r"<code>\1</code>", escape(problem)) for problem in missing]
    each = "".join(f"<li>{item}</li>" for item in items)
    return f'<p>Not on this machine:</p><ul class="ways">{each}</ul>' if each else ""


def _wire(page: gr.Blocks, parts: Parts, on: Handlers) -> None:
    # One queue for everything: a computation takes every core, and the answers come in the order of the questions.
    common: dict[str, Any] = {
        "concurrency_id": "work",
        "concurrency_limit": 1,
        "show_progress": "hidden",
        "api_visibility": "private",
    }
    last: dict[str, Any] = {**common, "trigger_mode": "always_last"}
    every = parts.all()
    choice = [parts.segmenter, parts.fill]
    parts.upload.upload(on.photo, [parts.upload, *choice], every, **common)
    parts.stage.edited(on.edited, None, every, **last)
    parts.people.input(on.people, parts.people, every, **last)
    parts.everyone.click(on.everyone, None, every, **last)
    parts.nobody.click(on.nobody, None, every, **last)
    parts.dilate.input(on.dilate, parts.dilate, every, **last)
    parts.segmenter.input(on.segmenter, parts.segmenter, every, **common)
    parts.fill.input(on.fill, parts.fill, every, **common)
    for button, handler in ((parts.go, on.remove), (parts.again, on.remove_them_too)):
        button.click(handler, parts.scrub, every, **common).success(None, js=_TO_THE_RESULT)
    parts.compare.input(on.compare, parts.compare, every, **last)
    parts.scrub.input(on.scrub, parts.scrub, every, **last)
    page.load(None, js=_READ_ALOUD)
    page.unload(on.closed)


_TO_THE_RESULT = """() => setTimeout(() => {
    const outcome = document.querySelector("#outcome");
    const behavior = matchMedia("(prefers-reduced-motion: reduce)").matches ? "auto" : "smooth";
    if (outcome && outcome.offsetParent) outcome.scrollIntoView({ behavior, block: "start" });
}, 100)"""
_READ_ALOUD = """() => document.querySelector("#message").setAttribute("aria-live", "polite")"""
