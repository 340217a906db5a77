"""How many hostile inputs a test session has tried; printed at its end (`count["annotation files"] += 1`)."""

from collections import Counter

count: Counter[str] = Counter()
