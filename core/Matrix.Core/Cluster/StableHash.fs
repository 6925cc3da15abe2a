namespace Matrix.Core.Cluster

open System
open System.Text

/// Hashes of names that are the same on every machine and in every version: FNV-1a, and the mixing of SplitMix64.
module internal StableHash =

    let private offsetBasis = 0xCBF29CE484222325UL
    let private prime = 0x100000001B3UL

    let inline private add (hash: uint64) (octet: uint32) : uint64 = (hash ^^^ uint64 octet) * prime

    /// One of the octets of UTF-8 after the first: the six bits that begin at this one.
    let inline private continuation (scalar: uint32) (bit: int) : uint32 = 0x80u ||| ((scalar >>> bit) &&& 0x3Fu)

    let private addScalar (hash: uint64) (scalar: uint32) : uint64 =
        if scalar < 0x80u then
            add hash scalar
        elif scalar < 0x800u then
            let hash = add hash (0xC0u ||| (scalar >>> 6))
            add hash (continuation scalar 0)
        elif scalar < 0x10000u then
            let hash = add hash (0xE0u ||| (scalar >>> 12))
            let hash = add hash (continuation scalar 6)
            add hash (continuation scalar 0)
        else
            let hash = add hash (0xF0u ||| (scalar >>> 18))
            let hash = add hash (continuation scalar 12)
            let hash = add hash (continuation scalar 6)
            add hash (continuation scalar 0)

    /// FNV-1a of 64 bits of an octet and the UTF-8 of a name. A lone surrogate counts as U+FFFD. Allocates nothing.
    let ofName (first: byte) (name: string) : uint64 =
        let mutable hash = add offsetBasis (uint32 first)
        let mutable at = 0

        while at < name.Length do
            if name[at] < '\u0080' then
                hash <- add hash (uint32 name[at])
                at <- at + 1
            else
                let mutable rune = Rune.ReplacementChar
                let mutable length = 1
                Rune.DecodeFromUtf16(name.AsSpan at, &rune, &length) |> ignore
                hash <- addScalar hash (uint32 rune.Value)
                at <- at + length

        hash

    /// Every bit of the result depends on every bit of the hash. FNV-1a alone is weak in its high bits for short names.
    let mix (hash: uint64) : uint64 =
        let z = (hash ^^^ (hash >>> 30)) * 0xBF58476D1CE4E5B9UL
        let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
        z ^^^ (z >>> 31)

    /// The number at this index, from 0, of the sequence of SplitMix64 with a seed.
    let drawn (seed: uint64) (index: int) : uint64 =
        mix (seed + uint64 (index + 1) * 0x9E3779B97F4A7C15UL)
