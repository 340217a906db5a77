"""What the page says of a result, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

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
    who = f"Verified by {checked.looked}" + (
        "." if checked.independent else ", which found the people too: whom it missed once it may miss again."
    )
    if not checked.finds:
        return f"Nobody is seen in the result. {who}", True
    missed = sum(find.where == "elsewhere" and not find.like for find in checked.finds)
    hallucinated = sum(find.where == "hole" and not find.like for find in checked.finds)
    like = sorted({find.like for find in checked.finds if find.like})
    parts = [
        f"{missed} whom the photo still shows" if missed else "",
        f"{hallucinated} in the filled part (another fill may do better)" if hallucinated else "",
        f"something like a person ({', '.join(like)})" if like else "",
    ]
    return f"Someone may be left, marked in the result: {'; '.join(filter(None, parts))}. {who}", False
