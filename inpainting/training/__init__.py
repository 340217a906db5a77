"""Training of DeepFillv2: photos in, checkpoints in the published layout out.

One step's course: `data` draws crops, `holes` cuts into them, `pairs` fills them before (if asked to), `forward` runs
the generator, `losses` judges, `step` learns; `loop` repeats it, `state` saves it, `validation` and `curves` watch it.
"""
