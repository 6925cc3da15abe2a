namespace Matrix.Core.State

open System
open System.Buffers
open System.IO
open System.Text

/// Writes stored forms of state: integers of seven bits a byte, strings in UTF-8 after their length.
[<Sealed>]
type internal BlobWriter() =
    let buffer = ArrayBufferWriter<byte>()

    member _.Length = buffer.WrittenCount
    member _.ToArray() = buffer.WrittenSpan.ToArray()

    member _.Byte(value: byte) =
        buffer.GetSpan(1)[0] <- value
        buffer.Advance 1

    member _.Number(value: uint64) =
        let span = buffer.GetSpan 10
        let mutable rest = value
        let mutable n = 0

        while rest >= 0x80UL do
            span[n] <- byte rest ||| 0x80uy
            rest <- rest >>> 7
            n <- n + 1

        span[n] <- byte rest
        buffer.Advance(n + 1)

    member this.Number(value: int) = this.Number(uint64 value)

    member this.Text(value: string) =
        let length = Encoding.UTF8.GetByteCount value
        this.Number length
        Encoding.UTF8.GetBytes(value.AsSpan(), buffer.GetSpan(max length 1)) |> ignore
        buffer.Advance length

    /// New events' ordinals count up from 2^31, those of fetched history down. The distance from 2^31 is a small
    /// number.
    member this.Ordinal(value: uint32) =
        let distance = int64 value - 0x80000000L
        this.Number(uint64 ((distance <<< 1) ^^^ (distance >>> 63)))

    /// The event id, as text or as a hash. The blob does not say which of the two: the reader has to know.
    member this.EventKey(key: EventKey) =
        match key.Text with
        | null ->
            EventKey.writeHash key (buffer.GetSpan 32)
            buffer.Advance 32
        | text -> this.Text text

    member this.Bytes(bytes: byte[]) = buffer.Write(ReadOnlySpan bytes)

/// Reads what `BlobWriter` wrote. Throws InvalidDataException on anything else: the database is damaged.
[<Sealed>]
type internal BlobReader(bytes: byte[], start: int) =
    let mutable at = start

    let damaged () : exn =
        InvalidDataException $"Stored room state is damaged: a blob of {bytes.Length} bytes cannot be read at {at}."

    let take (length: int) =
        if length < 0 || length > bytes.Length - at then
            raise (damaged ())

        let from = at
        at <- at + length
        from

    member _.At = at
    member _.AtEnd = (at = bytes.Length)
    member _.Damaged() : exn = damaged ()
    member _.Skip(length: int) = take length |> ignore
    member _.Byte() = bytes[take 1]

    member this.Number() : uint64 =
        let mutable value = 0UL
        let mutable shift = 0
        let mutable more = true

        while more do
            let b = this.Byte()
            value <- value ||| (uint64 (b &&& 0x7Fuy) <<< shift)
            shift <- shift + 7
            more <- b >= 0x80uy

            if more && shift > 63 then
                raise (damaged ())

        value

    /// A number that must fit in an Int32.
    member this.Int() : int =
        let n = this.Number()

        if n > uint64 Int32.MaxValue then
            raise (damaged ())

        int n

    member this.Text() : string =
        let length = this.Int()
        Encoding.UTF8.GetString(bytes, take length, length)

    member this.Ordinal() : uint32 =
        let n = this.Number()
        uint32 (int64 (n >>> 1) ^^^ -(int64 (n &&& 1UL)) + 0x80000000L)

    member this.EventKey(isText: bool) : EventKey =
        if isText then
            EventKey.ofText (this.Text())
        else
            EventKey.ofHash (ReadOnlySpan(bytes, take 32, 32))

    /// A type, by its code or as a string.
    member this.TypeOf(code: int) : string =
        if code = 0 then
            this.Text()
        else
            match WellKnownTypes.ofCode code with
            | null -> raise (damaged ())
            | known -> known
