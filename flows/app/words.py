"""What the page says of a result, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from configs.words import counted
from flows.app.steps import Verification


def verdict(checked: Verification, doubts: Sequence[str] = ()) -> tuple[str, bool]:
    """What is to be thought of a result, and whether all is well: whom the verifier sees, and what may be wrong
    with those who stay (doubts) or with the fill."""
    sentence, sure = _left(checked)
    doubts = [*doubts, *checked.doubts]
    return " ".join([*(f"{doubt[0].upper()}{doubt[1:]}." for doubt in doubts), sentence]), sure and not doubts


def _left(checked: Verification) -> tuple[str, bool]:
    """What the verifier says, and whether nobody is left by its word."""
    if checked.looked == "none":
        return "The result has not been verified.", False
    who = (
        f"Checked by {checked.looked}, another network than the one that found the people."
        if checked.independent
        else "The same network looked again as at first: whom it missed once it may miss again."
    )
    if not checked.finds:
        return f"Nobody is seen in the result. {who}", True
    missed = sum(find.where == "elsewhere" and not find.like for find in checked.finds)
    hallucinated = sum(find.where == "hole" and not find.like for find in checked.finds)
    like = sorted({find.like for find in checked.finds if find.like})
    parts = [
        f"{counted(missed, 'person', 'people')} whom the photo still shows" if missed else "",
        f"{counted(hallucinated, 'person', 'people')} in the filled part (another fill may do better)"
        if hallucinated
        else "",
        f"something like a person ({', '.join(like)})" if like else "",
    ]
    return f"Someone may be left, marked in the result: {'; '.join(filter(None, parts))}. {who}", False
