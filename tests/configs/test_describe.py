"""`docs/settings.md` says what the settings classes say."""

from __future__ import annotations

from configs.describe import PAGE, settings_page
from configs.load import setting_names
from configs.settings import Settings


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == settings_page(), "python -m configs.describe writes it anew"


def test_every_setting_has_a_row_that_says_what_it_does() -> None:
    rows = {line.split("`")[1]: line for line in settings_page().splitlines() if line.startswith("| `")}
    assert set(rows) == set(setting_names(Settings)) - {"preset"}
    for name, row in rows.items():
        assert row.split(" | ")[-1].strip(" |"), name


def test_values_and_defaults_are_in_words() -> None:
    page = settings_page()
    sizes = "`640`; best: `1280`; embedded: `960`; thorough: `1280`"
    assert f"| `segment.image_size` | whole number from 64 to 4096 in steps of 32 | {sizes} |" in page
    assert "| `segment.tile` | auto, none or whole number from 64 to 4096 | `auto` |" in page
    assert "| `refine.keep` | text | nothing |" in page
