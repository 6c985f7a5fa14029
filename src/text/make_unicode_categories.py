"""Writes unicode_categories.inc: python3 make_unicode_categories.py > unicode_categories.inc

Needs the package unicodedata2 16.0.0: Unicode 16.0 is what Oniguruma 6.9.10 knows, the engine Hugging Face `tokenizers`
splits with. A letter that is assigned later is no letter to the models' own tokenizer either.
"""

import sys

import unicodedata2

WANTED = "16.0.0"
NAMES = {"L": "letter", "M": "mark", "N": "number", "P": "punctuation", "S": "symbol"}


def ranges(major):
    first = None
    for code in range(0x110001):
        inside = code < 0x110000 and unicodedata2.category(chr(code))[0] == major
        if inside and first is None:
            first = code
        if not inside and first is not None:
            yield first, code - 1
            first = None


def main():
    if unicodedata2.unidata_version != WANTED:
        sys.exit(f"Unicode {WANTED} wanted, this is {unicodedata2.unidata_version}")
    print(f"// General categories of Unicode {WANTED}, first and last code point of each range. Made by make_unicode_categories.py.")
    for major, name in NAMES.items():
        print(f"\nconstexpr CodepointRange {name}[] = {{")
        cells = [f"{{0x{a:X}, 0x{b:X}}}," for a, b in ranges(major)]
        for row in range(0, len(cells), 7):
            print("    " + " ".join(cells[row : row + 7]))
        print("};")


if __name__ == "__main__":
    main()
