#!/usr/bin/env python3
"""Prints the tables of host/Matrix.Host.Crypto/Unicode/unicode-forms.txt from Python's Unicode data."""
import unicodedata

POINTS = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def text(points):
    return " ".join(f"{ord(p):04X}" for p in points)


print(f"# Unicode {unicodedata.unidata_version}, made by tools/unicode/forms.py from Python's unicodedata.")
print("# D: a character and its canonical decomposition. X: the same, and it is never composed again.")
print("# K: a character and its compatibility decomposition. C: characters and their combining class.")
print("# F: a character and its full case folding.")
for point in POINTS:
    # Syllables of Hangul are computed. Newer versions of Python return their decompositions, older ones do not.
    parts = "" if 0xAC00 <= point <= 0xD7A3 else unicodedata.decomposition(chr(point))
    if parts and not parts.startswith("<"):
        kind = "D" if unicodedata.normalize("NFC", chr(point)) == chr(point) else "X"
        print(f"{kind} {point:04X} {parts}")
    elif parts:
        print(f"K {point:04X} {parts.split('> ')[1]}")

start = None
for point in POINTS + [0x110000]:
    of = unicodedata.combining(chr(point)) if point < 0x110000 else 0
    if start is not None and (of != start[1] or point != last + 1):
        print(f"C {start[0]:04X} {last:04X} {start[1]}")
        start = None
    if of and start is None:
        start = (point, of)
    last = point

for point in POINTS:
    folded = chr(point).casefold()
    if folded != chr(point):
        print(f"F {point:04X} {text(folded)}")
