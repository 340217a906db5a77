"""The packages of this program have names that a user's own files may have, too: `data.py`, `masks.py` beside a script.

Nothing but the standard library is imported here: it runs before every other module of the program.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

_NAMES = ("configs", "data", "detection", "masks", "inpainting")
_ROOT = Path(__file__).resolve().parents[1]


def check_own_packages() -> None:
    """See that `import data` finds this program's package.

    In this program's own processes (its command, `python -m flows...`, Prefect's) its packages are put first. In a
    user's program, which may need its own file of that name, ImportError says in one sentence which file is in the way.
    """
    hidden = [(name, file) for name in _NAMES if (file := _stranger(name))]
    if not hidden:
        return
    name, file = hidden[0]
    if not _runs_this_program() or any(name in sys.modules for name, _ in hidden):
        raise ImportError(
            f"{file} hides the package {name!r} of person-removal, which has the same name: rename it, or start from "
            "another folder.",
            name=name,
            path=str(file),
        )
    sys.path.insert(0, str(_ROOT))
    importlib.invalidate_caches()


def _stranger(name: str) -> Path | None:
    """The file that `import name` finds, or has found, instead of this program's package."""
    if name in sys.modules:
        found = getattr(sys.modules[name], "__file__", None)
    else:
        spec = importlib.util.find_spec(name)
        found = spec.origin if spec else None
    if not found or Path(found).resolve().parent == _ROOT / name:
        return None
    return Path(found).absolute()


def _runs_this_program() -> bool:
    """Whether the process was started for this program or by Prefect, not for a script or notebook of the user's."""
    words = sys.orig_argv
    if "-m" in words[:-1]:
        return words[words.index("-m") + 1].split(".")[0] in ("flows", "prefect")
    return Path(sys.argv[0] if sys.argv else "").stem in ("person-removal", "prefect")
