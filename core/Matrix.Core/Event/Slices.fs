namespace Matrix.Core.Event

open System
open System.Buffers

/// Byte literals used for every event. They are fields because F# allocates an array each time it evaluates a literal.
module internal Spelling =

    let quotesAndBrackets = SearchValues.Create(ReadOnlySpan<byte> "\"{}[]"B)

    // Keys without quotation marks, for comparison.
    let content = "content"B
    let sender = "sender"B
    let stateKey = "state_key"B
    let eventType = "type"B
    let redacts = "redacts"B
    let originServerTs = "origin_server_ts"B
    let signatures = "signatures"B

    // Keys with quotation marks and colon, for writing.
    let contentMember = "\"content\":"B
    let signaturesMember = "\"signatures\":"B
    let hashesStart = "\"hashes\":{\"sha256\":\""B

/// Walks the members of an object in canonical bytes that this server wrote, without parsing the values. The bytes are
/// trusted: for other bytes the result is arbitrary, but the walk ends.
[<Struct; System.Runtime.CompilerServices.IsByRefLike>]
type internal Slices =
    val private Text: ReadOnlySpan<byte>
    val mutable private At: int
    val mutable private KeyStart: int
    val mutable private KeyLength: int
    val mutable private ValueStart: int

    /// A walk over `{…}`.
    new(text: ReadOnlySpan<byte>) =
        {
            Text = text
            At = 0
            KeyStart = 0
            KeyLength = 0
            ValueStart = 0
        }

    /// The index of the closing quotation mark of the string that starts at `from`.
    static member private StringEnd(text: ReadOnlySpan<byte>, from: int) : int =
        let mutable at = from
        let mutable found = -1

        while found < 0 do
            let next =
                if at >= text.Length then
                    -1
                else
                    text.Slice(at).IndexOfAny('"'B, '\\'B)

            if next < 0 then found <- text.Length
            elif text[at + next] = '"'B then found <- at + next
            else at <- at + next + 2

        found

    /// The end of the value that starts at `from`.
    static member private ValueEnd(text: ReadOnlySpan<byte>, from: int) : int =
        if from >= text.Length then
            text.Length
        else
            match text[from] with
            | '"'B -> min text.Length (Slices.StringEnd(text, from + 1) + 1)
            | '{'B
            | '['B ->
                let mutable depth = 0
                let mutable at = from
                let mutable go = true

                while go do
                    let next =
                        if at >= text.Length then
                            -1
                        else
                            text.Slice(at).IndexOfAny Spelling.quotesAndBrackets

                    if next < 0 then
                        at <- text.Length
                        go <- false
                    else
                        at <- at + next

                        match text[at] with
                        | '"'B -> at <- min text.Length (Slices.StringEnd(text, at + 1) + 1)
                        | '{'B
                        | '['B ->
                            depth <- depth + 1
                            at <- at + 1
                        | _ ->
                            depth <- depth - 1
                            at <- at + 1
                            go <- depth > 0

                at
            | _ ->
                match text.Slice(from).IndexOfAny(','B, '}'B, ']'B) with
                | -1 -> text.Length
                | n -> from + n

    /// Goes to the next member; false if there is none.
    member this.Next() : bool =
        // A key follows `{` and `,`; nothing follows `}`.
        if
            this.At + 1 >= this.Text.Length
            || this.Text[this.At] = '}'B
            || this.Text[this.At + 1] <> '"'B
        then
            false
        else
            this.KeyStart <- this.At + 2
            let keyEnd = Slices.StringEnd(this.Text, this.KeyStart)
            this.KeyLength <- keyEnd - this.KeyStart
            this.ValueStart <- min this.Text.Length (keyEnd + 2)
            this.At <- Slices.ValueEnd(this.Text, this.ValueStart)
            true

    /// The key, without its quotation marks and with its escapes.
    member this.Key: ReadOnlySpan<byte> = this.Text.Slice(this.KeyStart, this.KeyLength)

    /// Whether the current key is this one. It must need no escapes.
    member this.Is(key: byte[]) : bool =
        this.Key.SequenceEqual(ReadOnlySpan<byte> key)

    /// The value's canonical text.
    member this.Value: ReadOnlySpan<byte> =
        this.Text.Slice(this.ValueStart, this.At - this.ValueStart)

    /// Key, colon and value.
    member this.Member: ReadOnlySpan<byte> =
        this.Text.Slice(this.KeyStart - 1, this.At - this.KeyStart + 1)

    /// The range of the value.
    member this.ValueRange: struct (int * int) =
        struct (this.ValueStart, this.At - this.ValueStart)
