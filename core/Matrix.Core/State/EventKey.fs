namespace Matrix.Core.State

open System
open System.Buffers.Binary
open System.Buffers.Text
open Matrix.Core.Ident

/// An event id in the tree. A reference hash (room version 4 and later) is kept as 32 bytes, which take a third of the
/// memory of the string; any other id is kept as a string.
[<Struct; CustomEquality; NoComparison>]
type internal EventKey = {
    A: uint64
    B: uint64
    C: uint64
    D: uint64
    /// Null for the hash form.
    Text: string | null
} with

    /// Equality without boxing, for the tree's comparisons.
    member this.Same(other: EventKey) =
        this.A = other.A
        && this.B = other.B
        && this.C = other.C
        && this.D = other.D
        && String.Equals(this.Text, other.Text)

    override this.Equals other =
        match other with
        | :? EventKey as o -> this.Same o
        | _ -> false

    override this.GetHashCode() =
        match this.Text with
        | null -> this.A.GetHashCode()
        | text -> text.GetHashCode()

module internal EventKey =

    /// Four words of eight bytes, most significant byte first.
    let ofHash (hash: ReadOnlySpan<byte>) : EventKey = {
        A = BinaryPrimitives.ReadUInt64BigEndian hash
        B = BinaryPrimitives.ReadUInt64BigEndian(hash.Slice 8)
        C = BinaryPrimitives.ReadUInt64BigEndian(hash.Slice 16)
        D = BinaryPrimitives.ReadUInt64BigEndian(hash.Slice 24)
        Text = null
    }

    let ofText (text: string) : EventKey = {
        A = 0UL
        B = 0UL
        C = 0UL
        D = 0UL
        Text = text
    }

    /// Writes the 32 bytes of the hash form.
    let writeHash (key: EventKey) (into: Span<byte>) : unit =
        BinaryPrimitives.WriteUInt64BigEndian(into, key.A)
        BinaryPrimitives.WriteUInt64BigEndian(into.Slice 8, key.B)
        BinaryPrimitives.WriteUInt64BigEndian(into.Slice 16, key.C)
        BinaryPrimitives.WriteUInt64BigEndian(into.Slice 24, key.D)

    /// The key of any event id. Only equal ids have equal keys.
    let ofId (eventId: string) : EventKey =
        match EventId.checkHashUrlSafe eventId with
        | Ok _ ->
            let hash = Array.zeroCreate 32
            Base64Url.DecodeFromChars(eventId.AsSpan 1, Span hash) |> ignore
            ofHash (ReadOnlySpan hash)
        | Error _ -> ofText eventId

    /// The event id of a key.
    let toId (key: EventKey) : string =
        match key.Text with
        | null ->
            let hash = Array.zeroCreate 32
            writeHash key (Span hash)
            EventId.ofHashUrlSafe (ReadOnlySpan hash)
        | text -> text
