"""ONNX files, opened for networks that other rooms run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from configs import SettingsError


def open_session(path: Path, setting: str) -> Any:
    """An onnxruntime session on the CPU for the network in a file.

    setting: the name of the setting that named the file, for messages. Raises SettingsError without onnxruntime and for
    a file that it cannot run.
    """
    try:
        import onnxruntime  # type: ignore[import-untyped,unused-ignore]
    except ImportError:
        raise SettingsError(
            f"{setting}: {path.name} needs onnxruntime: pip install 'person-removal[onnx]' "
            "(from the source tree: pip install -e '.[onnx]')."
        ) from None
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # warnings about the graph are the exporter's matter
    options.intra_op_num_threads = 1  # as many as every network here has: sums depend on how many share them
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's errors share no class of their own
        raise SettingsError(f"{setting}: {path} is not an ONNX file that onnxruntime can run.") from error


def signature(values: Any) -> str:
    """Names and shapes of a session's inputs or outputs, as a sentence lists them."""
    return ", ".join(f"{one.name} {one.shape}" for one in values)
