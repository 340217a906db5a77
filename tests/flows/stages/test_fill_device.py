"""A fill's entry says whether it runs on a device: nobody keeps a list of names beside it."""

from __future__ import annotations

import pytest

from configs import InpaintSettings, Settings, SettingsError, VerifySettings
from configs.fills import FILLS, FillMethod
from flows.stages.context import resolve


@pytest.mark.parametrize("neural", [True, False])
def test_a_new_fill_gets_the_device_that_its_entry_asks_for(neural: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(
        FILLS, "new", FillMethod(module="row_fill", label="toy", neural=neural)
    )  # the line in the registry
    chosen = InpaintSettings(device="cuda:99").model_copy(update={"fill": "new"})
    settings = Settings(inpaint=chosen, verify=VerifySettings(segmenter="none"))
    if neural:
        with pytest.raises(SettingsError, match=r"inpaint\.device is 'cuda:99'"):
            resolve(settings)
    else:
        assert resolve(settings).inpaint.device == "cpu"
