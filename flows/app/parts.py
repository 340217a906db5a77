"""The page's components by name."""

from __future__ import annotations

from dataclasses import dataclass, fields

import gradio as gr

Shown = dict[gr.blocks.Block, object]
"""Component -> what it shows next."""


@dataclass(frozen=True)
class Parts:
    """The components that handlers change."""

    upload: gr.File
    message: gr.HTML
    desk: gr.Row
    stage: gr.HTML
    people: gr.CheckboxGroup
    everyone: gr.Button
    nobody: gr.Button
    dilate: gr.Slider
    fill: gr.Radio
    segmenter: gr.Radio
    go: gr.Button
    outcome: gr.Column
    verdict: gr.HTML
    again: gr.Button
    result: gr.HTML
    compare: gr.Radio
    scrub: gr.Checkbox
    download: gr.HTML

    def all(self) -> list[gr.blocks.Block]:
        return [getattr(self, one.name) for one in fields(self)]
