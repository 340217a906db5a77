"""Holes filled with whole pieces of the photo, cut where nobody sees it.

He and Sun, Statistics of patch offsets for image completion, 2012; Pritch et al., Shift-map image editing, 2009.
A guide (another fill's picture of the hole) says roughly what goes where; every pixel of the hole then takes one of
30 shifts of the photo, chosen by a graph cut so that pieces look like the guide and meet where they agree.

shifts: which shifts are worth trying. labels: the graph cut. seams: from the small label map to the photo's size.
blending: light differences across seams evened out. fill: all of it, as a fill.
"""
