"""Fills against the truth on pairs small enough to know the answer."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from fill_cases import PAIR, case, scene
from literal_masks import mask, picture

from configs import RefineSettings, SettingsError
from configs.fills import PatchMatchSettings
from data.errors import InputError
from flows.evaluation.estimates import Estimate
from flows.evaluation.fills import (
    MOST_PSNR,
    Contender,
    Judged,
    against,
    figures_of,
    fill_with_mean,
    in_bin,
    judge_fills,
    measure,
    parse_fills,
    verdict,
)
from flows.evaluation.pairs import Silhouette, make_case


def test_the_person_lies_where_the_pair_says() -> None:
    plain = RefineSettings(dilate=0, dilate_min=0, snap=0, close=0, fill_holes=0)
    person = Silhouette(np.full((2, 2, 3), 255, np.uint8), mask(".# ##"))
    made = make_case(replace(PAIR, share=48 / 256, at=(1, 0)), np.zeros((16, 16, 3), np.uint8), person, plain)
    rows = ["............####"] * 4 + ["........########"] * 4 + ["." * 16] * 8  # the upper right corner
    assert picture(made.hole).split() == rows
    assert (made.image == 255).all(2).tolist() == (made.hole == 255).tolist()


def test_a_person_larger_than_the_scene_is_made_to_fit() -> None:
    wide = Silhouette(np.full((10, 200, 3), 9, np.uint8), np.ones((10, 200), bool))
    made = make_case(replace(PAIR, share=0.9), scene(), wide, RefineSettings())
    assert 0 < made.share < 0.5


def test_pasted_or_not_the_hole_is_the_same_and_hides_the_person() -> None:
    red = Silhouette(np.full((24, 12, 3), (220, 20, 30), np.uint8), np.ones((24, 12), bool))
    pasted, plain = (make_case(PAIR, scene(), red, RefineSettings(), paste) for paste in (True, False))
    assert (pasted.hole == plain.hole).all() and (plain.image == plain.truth).all()
    changed = (pasted.image != pasted.truth).any(2)
    assert changed.any() and not (changed & (pasted.hole == 0)).any()


def test_the_truth_itself_is_perfect() -> None:
    one = case()
    values = measure(one.truth, one)
    assert values["psnr"] == MOST_PSNR and values["l1"] == values["swd"] == 0
    assert values["ssim"] == pytest.approx(1) and values["seam"] == values["seam_truth"]
    figures = figures_of(Judged("truth", {1: values}), [1], 0)
    assert figures["seam"].value == figures["detail"].value == 1 and figures["ring"].value == 0


def test_the_mean_is_of_what_is_known() -> None:
    one = case()
    filled = fill_with_mean(one.image, one.hole)
    assert (filled[one.hole == 0] == one.image[one.hole == 0]).all()
    assert filled[one.hole != 0].std(0).max() == 0
    assert np.abs(filled[one.hole != 0][0] - one.truth[one.hole == 0].mean(0)).max() <= 0.5  # no red in it


def test_every_contender_fills_the_same_pairs() -> None:
    cases = [case(seed, number) for seed, number in ((1, 4), (2, 9))]
    seen = []
    judged, shares = judge_fills(
        parse_fills("telea,mean", "embedded", ()), iter(cases), lambda case, results: seen.append(list(results))
    )
    assert [one.label for one in judged] == ["telea", "mean"] and seen == [["telea", "mean"]] * 2
    assert list(shares) == list(judged[0].values) == list(judged[1].seconds) == [4, 9]
    change = against(judged[0], judged[1], shares, 0)["psnr"]
    means = [np.mean([values["psnr"] for values in one.values.values()]) for one in judged]
    assert change.value == pytest.approx(means[1] - means[0])


def test_a_pair_that_cannot_be_filled_is_told_and_left_out_of_differences() -> None:
    everything = replace(case(), hole=np.full((64, 64), 255, np.uint8))
    (judged,), _ = judge_fills(parse_fills("telea", "embedded", ()), [everything])
    assert not judged.values and "nothing is left to fill from" in judged.failed[1]
    assert against(judged, judged, [1], 0) == {}


def test_bins_are_by_the_share_of_the_hole() -> None:
    shares = {1: 0.0799, 2: 0.08, 3: 0.18, 4: 0.99}
    assert [in_bin(shares, name) for name in ("all", "< 8 %", "8 to 18 %", "> 18 %")] == [
        [1, 2, 3, 4],
        [1],
        [2],
        [3, 4],
    ]


@pytest.mark.parametrize(
    ("name", "low", "high", "count", "said"),
    [
        ("psnr", 0.1, 0.5, 60, "better"),
        ("psnr", -0.5, -0.1, 60, "worse"),
        ("psnr", -0.1, 0.5, 60, "no clear difference"),
        ("swd", 0.1, 0.5, 60, "worse"),
        ("l1", -0.5, -0.1, 60, "better"),
        ("psnr", 0.1, 0.5, 9, "too few pairs"),
        ("seam", 0.1, 0.5, 60, ""),  # neither more nor less is better
    ],
)
def test_verdicts(name: str, low: float, high: float, count: float, said: str) -> None:
    assert verdict(name, Estimate((low + high) / 2, low, high, count)) == said


def test_fills_with_files_and_settings() -> None:
    text = "patchmatch,patchmatch:patch_size=9+margin=2,deepfillv2:some/own.safetensors,mean"
    plain, changed, network, mean = parse_fills(text, "embedded", ["inpaint.feather=1"])
    assert plain.settings and changed.settings and network.settings
    assert [one.settings.inpaint.of(PatchMatchSettings).patch_size for one in (plain, changed)] == [7, 9]
    assert changed.settings.inpaint.margin == 2 and changed.settings.inpaint.feather == 1
    assert network.settings.inpaint.fill == "deepfillv2" and network.settings.inpaint.required_weights() == [
        "some/own.safetensors"
    ]
    assert changed.label == "patchmatch:patch_size=9+margin=2" and network.label == "deepfillv2:some/own.safetensors"
    assert mean == Contender("mean")


def test_two_trainings_leave_weights_of_one_name() -> None:
    text = "deepfillv2:a/weights.safetensors,deepfillv2:b/weights.safetensors"
    assert [contender.label for contender in parse_fills(text, "embedded", ())] == text.split(",")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("telea,telea", "telea is there twice"),
        ("telea:some.pt", "telea takes no file"),
        (" , ", "name at least one fill"),
        ("dalle", "inpaint.fill = 'dalle'"),
        ("patchmatch:patchsize=9", "There is no setting 'inpaint.patchsize' (did you mean 'inpaint.patchmatch'?)"),
    ],
)
def test_what_is_no_fill_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises((InputError, SettingsError)) as error:
        parse_fills(text, "embedded", ())
    assert sentence in str(error.value)
