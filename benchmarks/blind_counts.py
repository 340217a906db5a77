"""Count judgements of blind sheets: python benchmarks/blind_counts.py FIGURES/blind-key.json JUDGEMENTS.csv...

Each CSV is one judge's filled-in `judgements.csv` of `evaluate removal --blind`: a sheet's name, then the letter of the
best column or `same`. Prints how often each fill was the best, all judges together and one by one.
"""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

Key = Mapping[str, Mapping[str, str]]


def counted(key: Key, path: Path) -> Counter[str]:
    """How often one judge found each fill best, or `same`. Raises ValueError for an unknown sheet or letter."""
    out: Counter[str] = Counter()
    with path.open(encoding="utf-8", newline="") as file:
        for sheet, letter, *_ in list(csv.reader(file))[1:]:
            answer = letter.strip()
            if not answer:
                continue
            if answer.lower() != "same" and answer.upper() not in key.get(sheet, {}):
                raise ValueError(f"{path}: {sheet}: {answer} is none of the columns of this sheet.")
            out["same" if answer.lower() == "same" else key[sheet][answer.upper()]] += 1
    return out


def main() -> None:
    key: Key = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    judges = {path: counted(key, Path(path)) for path in sys.argv[2:]}
    fills = [*sorted({fill for columns in key.values() for fill in columns.values()}), "same"]
    print(f"| judge | {' | '.join(fills)} | sheets |\n|---{'|---' * len(fills)}|---|")
    for judge, counts in {**judges, "all": sum(judges.values(), Counter())}.items():
        print(f"| {judge} | {' | '.join(str(counts[fill]) for fill in fills)} | {counts.total()} |")


if __name__ == "__main__":
    main()
