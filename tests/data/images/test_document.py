"""docs/image-files.md says what was measured."""

from __future__ import annotations

from image_table import DOCUMENT, document


def test_the_table_of_kinds_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == document(), "python tests/support/image_table.py writes it anew"
