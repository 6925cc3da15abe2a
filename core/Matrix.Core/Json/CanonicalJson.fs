namespace Matrix.Core.Json

open System
open System.Buffers
open System.Buffers.Text
open System.Text

/// A growing, pooled buffer of bytes, for writing canonical JSON and client forms. Dispose it to return the memory.
[<Sealed>]
type ByteBuffer(capacity: int) =
    let mutable bytes = ArrayPool<byte>.Shared.Rent(max 16 capacity)
    let mutable length = 0

    let grow (more: int) =
        let larger = ArrayPool<byte>.Shared.Rent(max (bytes.Length * 2) (length + more))
        Buffer.BlockCopy(bytes, 0, larger, 0, length)
        ArrayPool<byte>.Shared.Return bytes
        bytes <- larger

    /// An empty buffer of one kibibyte.
    new() = new ByteBuffer 1024

    /// The number of bytes written.
    member _.Length = length

    /// The written bytes, valid until the next write.
    member _.Written: ReadOnlySpan<byte> = ReadOnlySpan<byte>(bytes, 0, length)

    /// The written bytes, valid until the next write.
    member _.WrittenMemory: ReadOnlyMemory<byte> = ReadOnlyMemory<byte>(bytes, 0, length)

    /// A copy of the written bytes.
    member _.ToArray() : byte[] = Array.sub bytes 0 length

    /// Discards the written bytes, and keeps the memory.
    member _.Clear() = length <- 0

    /// Space for `count` bytes at the end. `Advance` says how many of them were written.
    member _.Room(count: int) : Span<byte> =
        if bytes.Length - length < count then
            grow count

        Span<byte>(bytes, length, bytes.Length - length)

    /// Adds `count` bytes of that space to the written ones.
    member _.Advance(count: int) = length <- length + count

    /// Writes one byte.
    member _.Byte(b: byte) =
        if length = bytes.Length then
            grow 1

        bytes[length] <- b
        length <- length + 1

    /// Writes bytes as they are.
    member this.Raw(source: ReadOnlySpan<byte>) =
        source.CopyTo(this.Room source.Length)
        length <- length + source.Length

    /// Writes bytes as they are.
    member _.Bytes(source: byte[]) =
        if bytes.Length - length < source.Length then
            grow source.Length

        Buffer.BlockCopy(source, 0, bytes, length, source.Length)
        length <- length + source.Length

    interface IBufferWriter<byte> with
        member this.Advance count = this.Advance count

        member _.GetMemory hint =
            let count = max 256 hint

            if bytes.Length - length < count then
                grow count

            Memory<byte>(bytes, length, bytes.Length - length)

        member this.GetSpan hint = this.Room(max 256 hint)

    interface IDisposable with
        member _.Dispose() =
            let mine = bytes
            bytes <- [||]
            length <- 0

            if mine.Length > 0 then
                ArrayPool<byte>.Shared.Return mine

/// Writes canonical JSON: no white space, keys in code point order, escapes only where JSON requires them.
/// v1.19 appendices#canonical-json
[<RequireQualifiedAccess>]
module CanonicalJson =

    let private mustEscape =
        SearchValues.Create(ReadOnlySpan<char>(Array.append [| '"'; '\\' |] (Array.init 32 char)))

    // A byte literal is a new array each time it is evaluated, so the frequent ones are kept.
    let private hex = "0123456789abcdef"B
    let private controlEscape = "u00"B
    let private yes = "true"B
    let private no = "false"B
    let private nothing = "null"B

    let private writeEscape (out: ByteBuffer) (c: char) =
        let short =
            match c with
            | '"' -> '"'B
            | '\\' -> '\\'B
            | '\b' -> 'b'B
            | '\t' -> 't'B
            | '\n' -> 'n'B
            | '\012' -> 'f'B
            | '\r' -> 'r'B
            | _ -> 0uy

        out.Byte '\\'B

        if short <> 0uy then
            out.Byte short
        else
            out.Bytes controlEscape
            out.Byte hex[int c >>> 4]
            out.Byte hex[int c &&& 15]

    let private writePlain (out: ByteBuffer) (text: ReadOnlySpan<char>) =
        let room = out.Room(Encoding.UTF8.GetMaxByteCount text.Length)
        out.Advance(Encoding.UTF8.GetBytes(text, room))

    /// Writes a string with its quotation marks.
    [<CompiledName "WriteString">]
    let writeString (out: ByteBuffer) (s: string) : unit =
        out.Byte '"'B
        let mutable rest = s.AsSpan()
        let mutable at = rest.IndexOfAny mustEscape

        while at >= 0 do
            if at > 0 then
                writePlain out (rest.Slice(0, at))

            writeEscape out rest[at]
            rest <- rest.Slice(at + 1)
            at <- rest.IndexOfAny mustEscape

        if rest.Length > 0 then
            writePlain out rest

        out.Byte '"'B

    /// Writes an integer.
    [<CompiledName "WriteInt">]
    let writeInt (out: ByteBuffer) (n: int64) : unit =
        let mutable written = 0
        Utf8Formatter.TryFormat(n, out.Room 20, &written) |> ignore
        out.Advance written

    /// Writes a value.
    [<CompiledName "Write">]
    let rec write (out: ByteBuffer) (json: Json) : unit =
        match json with
        | Json.String s -> writeString out s
        | Json.Object o -> writeObject out o
        | Json.Int n -> writeInt out n
        | Json.Array items ->
            out.Byte '['B

            for i in 0 .. items.Length - 1 do
                if i > 0 then
                    out.Byte ','B

                write out items[i]

            out.Byte ']'B
        | Json.Bool true -> out.Bytes yes
        | Json.Bool false -> out.Bytes no
        | Json.Null -> out.Bytes nothing
        | Json.BigInt digits -> out.Raw(ReadOnlySpan<byte>(Encoding.ASCII.GetBytes digits))
        | Json.Float d -> out.Raw(ReadOnlySpan<byte>(Encoding.ASCII.GetBytes(Numbers.formatFloat d)))

    /// Writes an object.
    and [<CompiledName "WriteObject">] writeObject (out: ByteBuffer) (o: JsonObject) : unit =
        out.Byte '{'B

        for i in 0 .. o.Count - 1 do
            if i > 0 then
                out.Byte ','B

            writeString out (o.Key i)
            out.Byte ':'B
            write out (o.Value i)

        out.Byte '}'B

    /// Writes an object without some of its members.
    [<CompiledName "WriteWithout">]
    let writeWithout (out: ByteBuffer) (o: JsonObject) (without: string[]) : unit =
        out.Byte '{'B
        let mutable first = true

        for i in 0 .. o.Count - 1 do
            if Array.IndexOf(without, o.Key i) < 0 then
                if first then first <- false else out.Byte ','B
                writeString out (o.Key i)
                out.Byte ':'B
                write out (o.Value i)

        out.Byte '}'B

    /// The canonical bytes of a value.
    [<CompiledName "Bytes">]
    let bytes (json: Json) : byte[] =
        use out = new ByteBuffer()
        write out json
        out.ToArray()

    /// The canonical text of a value.
    let text (json: Json) : string =
        use out = new ByteBuffer()
        write out json
        Encoding.UTF8.GetString out.Written
