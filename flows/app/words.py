"""What the page says of a result, in sentences."""

from __future__ import annotations

from collections.abc import Sequence

from flows.app.steps import Look


def verdict(look: Look, doubts: Sequence[str] = ()) -> tuple[str, bool]:
    """What is to be thought of a result, and whether all is well: whom the second look sees, and what may be wrong
    with those who stay (doubts) or with the fill."""
    sentence, sure = _left(look)
    doubts = [*doubts, *look.doubts]
    return " ".join([*(f"{doubt[0].upper()}{doubt[1:]}." for doubt in doubts), sentence]), sure and not doubts


def _left(look: Look) -> tuple[str, bool]:
    """What the second look says, and whether nobody is left by its word."""
    if look.looked == "none":
        return "Nobody has looked at the result a second time.", False
    who = f"a second look by {look.looked}"
    who += "" if look.independent else ", the same that found the people"
    if not look.finds:
        return f"Nobody found afterwards ({who}).", True
    missed = sum(find.where == "elsewhere" and not find.like for find in look.finds)
    made_up = sum(find.where == "hole" and not find.like for find in look.finds)
    like = sorted({find.like for find in look.finds if find.like})
    parts = [
        f"{missed} whom the photo still shows" if missed else "",
        f"{made_up} in the filled part (another fill may do better)" if made_up else "",
        f"something like a person ({', '.join(like)})" if like else "",
    ]
    return f"Someone may be left, marked in the result: {'; '.join(filter(None, parts))} ({who}).", False
