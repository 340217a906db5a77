"""The fill without weights: patches copied from elsewhere in the photo (PyPatchMatch).

Barnes et al., PatchMatch: a randomized correspondence algorithm for structural image editing, 2009.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass

from configs import InpaintSettings
from data.types import Hole, Pixels, Weight

# The C library keeps its seed and tables in globals: one call at a time per process.
_LOCK = threading.Lock()


@dataclass(frozen=True)
class PatchMatchFill:
    """radius: half the side of the compared patches, in pixels. seed: of the random search."""

    radius: int
    seed: int

    def fill(self, image: Pixels, hole: Hole, exclude: Hole | None = None) -> Pixels:
        """See `inpainting.protocol.Fill`. The same arguments give the same bytes in every process."""
        import patchmatch

        with _LOCK:
            patchmatch.set_random_seed(self.seed)
            return patchmatch.inpaint(image, hole, global_mask=exclude, patch_size=self.radius)


def build(settings: InpaintSettings, weights: Mapping[str, Weight]) -> PatchMatchFill:
    """The fill of these settings.

    Raises RuntimeError where PyPatchMatch came without its native library.
    """
    import patchmatch

    if not patchmatch.patchmatch_available:
        raise RuntimeError(
            "PyPatchMatch is installed without its native library: reinstall it with a wheel for this "
            "platform, or choose another `inpaint.fill`"
        )
    # The library's patch_size is the radius; the setting is the side, as the literature has it.
    return PatchMatchFill(max(1, settings.patch_size // 2), settings.seed)
