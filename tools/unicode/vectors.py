#!/usr/bin/env python3
"""Prints the digests of NFKC forms that tests/Matrix.Host.Tests/Crypto/NormalFormTests.cs expects, by Python's data."""
import hashlib
import unicodedata

# Where sequences take their characters: letters, marks, parts of Hangul, and scripts with their own orders of marks.
RANGES = [
    (0x41, 0x17F), (0x300, 0x36F), (0x370, 0x3FF), (0x591, 0x5C7), (0x600, 0x6FF), (0x900, 0x9FF), (0xB40, 0xD60),
    (0xE30, 0xECF), (0xF40, 0xFC6), (0x1100, 0x11FF), (0x1B05, 0x1B44), (0x1E00, 0x1FFF), (0x2100, 0x21FF),
    (0x3040, 0x30FF), (0x3131, 0x33FF), (0xAC00, 0xAC40), (0xF900, 0xFB4F), (0xFDF0, 0xFE2F), (0xFF00, 0xFFEE),
    (0x11099, 0x110BA), (0x11347, 0x1134D), (0x1D157, 0x1D1AD), (0x1D400, 0x1D460), (0x1F100, 0x1F2FF),
]


def digest(texts):
    sha = hashlib.sha256()
    for text in texts:
        sha.update((unicodedata.normalize("NFKC", text) + "\n").encode())
    return sha.hexdigest()


def sequences():
    at = 1
    for _ in range(100_000):
        text = ""
        for _ in range(6):
            at = (at * 1103515245 + 12345) % 2**31
            first, last = RANGES[(at >> 16) % len(RANGES)]
            at = (at * 1103515245 + 12345) % 2**31
            text += chr(first + (at >> 8) % (last - first + 1))
        yield text


print("Unicode", unicodedata.unidata_version)
print("characters", digest(chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF))
print("between", digest("a" + chr(c) + "\u0301\u0316" for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF))
print("sequences", digest(sequences()))
