"""Cut the Chinese font that ships with the plots out of Noto Sans CJK (SIL OFL 1.1).

    python tools/make_font.py NotoSansCJK-Regular.ttc

Keeps the 6,763 characters of GB 2312 (level 2 holds those of names: 珺 炜 祎), characters that
names have taken up since, Chinese punctuation, full-width forms, and every Chinese character
that stands in this repository's own sources. The licence asks that a changed font does not carry
a reserved name, so the cut gets its own.
"""

from __future__ import annotations

import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTCollection

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "salesmgmt" / "plots" / "fonts" / "SalesmgmtSansSC.otf"
NAME = "Salesmgmt Sans SC"


def characters() -> set[int]:
    """Code points to keep."""
    common = (
        bytes([high, low]).decode("gb2312", "ignore")
        for high in range(0xB0, 0xF8)
        for low in range(0xA1, 0xFF)
    )
    keep = {ord(c) for c in "".join(common)}
    keep |= set(range(0x20, 0x7F)) | set(range(0x3000, 0x3020)) | set(range(0xFF01, 0xFF5F))
    keep |= {ord(c) for c in "¥￥€£°±×÷–—‘’“”…‰①②③④⑤⑥⑦⑧⑨⑩→↑↓■□▲△●○◆◇★☆"}
    keep |= {ord(c) for c in "喆堃镕赟昇頔玘珩翀旸翯祎婳昶煊琰烨犇垚焱淼鑫靐䶮㙓晞璟珺瑄淏玥曌燚劼珅彧甯怡㛃𠮷㎡℃"}
    for pattern in ("salesmgmt/**/*.py", "data/**/*.py", "data/sample/*.csv", "docs/*.md"):
        for path in ROOT.glob(pattern):
            keep |= {ord(c) for c in path.read_text(encoding="utf-8") if 0x3400 <= ord(c) < 0xA000}
    return keep


def main(source: str) -> None:
    """Write the cut font."""
    fonts = TTCollection(source).fonts
    font = next(f for f in fonts if "SC" in f["name"].getDebugName(1))
    options = subset.Options()
    options.hinting = False
    options.layout_features = []
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.notdef_outline = True
    cutter = subset.Subsetter(options)
    cutter.populate(unicodes=characters())
    cutter.subset(font)
    for number, text in ((1, NAME), (3, NAME), (4, NAME), (6, NAME.replace(" ", ""))):
        font["name"].setName(text, number, 3, 1, 0x409)
    if "CFF " in font:
        font["CFF "].cff.fontNames[0] = NAME.replace(" ", "")
        top = font["CFF "].cff.topDictIndex[0]
        top.FullName = top.FamilyName = NAME
    font["head"].modified = font["head"].created  # the same bytes on each run
    font.recalcTimestamp = False
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    font.save(TARGET)
    print(f"{TARGET.relative_to(ROOT)}: {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main(sys.argv[1])
