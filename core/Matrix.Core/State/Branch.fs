namespace Matrix.Core.State

open System
open System.Buffers
open System.Buffers.Binary
open System.Numerics
open System.Runtime.InteropServices
open System.Security.Cryptography

/// The path of an entry in the tree: nibbles that depend only on its key, so that equal content has one shape. The
/// first three come from the type, so that the entries of one type are together and can be listed alone. The rest is
/// SHA-256 of type and state key, so that nobody can choose keys that make the tree deep.
[<Struct; NoEquality; NoComparison>]
type internal Way = {
    Prefix: int
    A: uint64
    B: uint64
    C: uint64
    D: uint64
} with

    /// The number of nibbles that come from the type.
    static member TypeDepth = 3

    /// The nibble at a depth from 0.
    member this.Nibble(depth: int) : int =
        if depth < Way.TypeDepth then
            (this.Prefix >>> (8 - 4 * depth)) &&& 15
        else
            let d = depth - Way.TypeDepth

            let word =
                match d >>> 4 with
                | 0 -> this.A
                | 1 -> this.B
                | 2 -> this.C
                | 3 -> this.D
                | _ -> invalidOp "Two state keys with one SHA-256 hash."

            int (word >>> (60 - 4 * (d &&& 15))) &&& 15

module internal Way =

    /// The nibbles of a type alone.
    let ofType (eventType: string) : int =
        // FNV-1a, folded to 12 bits. An attacker can make two types share a prefix: listing one then visits both.
        let mutable h = 2166136261u

        for c in eventType do
            h <- (h ^^^ uint32 c) * 16777619u

        int ((h ^^^ (h >>> 12) ^^^ (h >>> 24)) &&& 0xFFFu)

    /// The nibbles of a way that come from its type.
    let ofTypeAlone (eventType: string) : Way = {
        Prefix = ofType eventType
        A = 0UL
        B = 0UL
        C = 0UL
        D = 0UL
    }

    /// Writes a string so that no two sequences of strings give the same bytes.
    let internal put (into: Span<byte>) (text: string) : int =
        BinaryPrimitives.WriteInt32LittleEndian(into, text.Length)
        MemoryMarshal.AsBytes(text.AsSpan()).CopyTo(into.Slice 4)
        4 + 2 * text.Length

    let internal size (text: string) = 4 + 2 * text.Length

    /// The way of a key.
    let ofKey (eventType: string) (stateKey: string) : Way =
        let length = size eventType + size stateKey
        let rented = ArrayPool<byte>.Shared.Rent(length + 32)
        let bytes = rented.AsSpan()
        let at = put bytes eventType
        let at = at + put (bytes.Slice at) stateKey
        let digest = bytes.Slice(at, 32)
        SHA256.HashData(Span.op_Implicit (bytes.Slice(0, at)), digest) |> ignore

        let word i =
            BinaryPrimitives.ReadUInt64BigEndian(ReadOnlySpan(rented, at + 8 * i, 8))

        let way = {
            Prefix = ofType eventType
            A = word 0
            B = word 1
            C = word 2
            D = word 3
        }

        ArrayPool<byte>.Shared.Return rented
        way

/// A node of the tree: up to 16 slots, each a `StateEntry`, or a `Branch` of at least two entries. `number` is its
/// number in the room's stored nodes; 0 if it was never stored.
[<Sealed>]
type internal Branch(bitmap: int, slots: obj[], number: int) =

    let count, memory =
        let mutable count = 0
        // The object, its array and its hash.
        let mutable memory = 48 + 24 + 8 * slots.Length + 56

        for slot in slots do
            match slot with
            | :? Branch as b ->
                count <- count + b.Count
                memory <- memory + b.MemoryBytes
            | _ ->
                count <- count + 1
                memory <- memory + (slot :?> StateEntry).MemoryBytes

        struct (count, memory) |> fun struct (a, b) -> a, b

    let mutable hash: byte[] | null = null

    member _.Bitmap = bitmap
    member _.Slots = slots
    member _.Number = number

    /// The number of entries in it.
    member _.Count: int = count

    /// Estimated bytes of memory.
    member _.MemoryBytes: int = memory

    /// The index of a nibble's slot, present or not.
    member _.SlotOf(nibble: int) : int =
        BitOperations.PopCount(uint32 (bitmap &&& ((1 <<< nibble) - 1)))

    /// The slot of a nibble; null if it is empty.
    member this.At(nibble: int) : obj | null =
        if bitmap &&& (1 <<< nibble) = 0 then
            null
        else
            slots[this.SlotOf nibble]

    /// The same content with its number in the room's stored nodes; a known hash is kept.
    member _.Stored(slots: obj[], number: int) : Branch =
        let stored = Branch(bitmap, slots, number)
        stored.KnownHash <- hash
        stored

    /// The hash if it was computed; else null.
    member _.KnownHash
        with get (): byte[] | null = hash
        and private set (known: byte[] | null) = hash <- known

    /// A hash over (type, state key, event id) of all its entries. Computed once, when first needed.
    member _.Hash: byte[] =
        match hash with
        | null ->
            let mutable length = 0

            for slot in slots do
                match slot with
                | :? Branch -> length <- length + 34
                | _ ->
                    let e = slot :?> StateEntry

                    let id =
                        match e.Key.Text with
                        | null -> 32
                        | text -> Way.size text

                    length <- length + 3 + Way.size e.Type + Way.size e.StateKey + id

            let rented = ArrayPool<byte>.Shared.Rent length
            let mutable at = 0
            let mutable rest = bitmap

            for slot in slots do
                rented[at] <- byte (BitOperations.TrailingZeroCount rest)
                rest <- rest &&& (rest - 1)

                match slot with
                | :? Branch as b ->
                    rented[at + 1] <- 2uy
                    b.Hash.CopyTo(rented, at + 2)
                    at <- at + 34
                | _ ->
                    let e = slot :?> StateEntry
                    rented[at + 1] <- 1uy
                    at <- at + 2
                    at <- at + Way.put (rented.AsSpan at) e.Type
                    at <- at + Way.put (rented.AsSpan at) e.StateKey

                    match e.Key.Text with
                    | null ->
                        rented[at] <- 0uy
                        EventKey.writeHash e.Key (rented.AsSpan(at + 1))
                        at <- at + 33
                    | text ->
                        rented[at] <- 1uy
                        at <- at + 1 + Way.put (rented.AsSpan(at + 1)) text

            let computed = SHA256.HashData(ReadOnlySpan(rented, 0, at))
            ArrayPool<byte>.Shared.Return rented
            // Two threads may both compute it, with the same result.
            hash <- computed
            computed
        | known -> known
