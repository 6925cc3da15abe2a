namespace Matrix.Core.Json

open System
open System.Buffers
open System.Text
open System.Text.Json
open System.Text.Unicode

/// The members and items of the open values: one pair of pooled arrays for a whole parse.
[<Sealed>]
type private Pending() =
    let mutable keys = ArrayPool<string>.Shared.Rent 64
    let mutable values = ArrayPool<Json>.Shared.Rent 64
    let mutable top = 0
    let mutable used = 0

    member _.Top = top

    member _.Push(key: string, value: Json) =
        if top = values.Length then
            let moreKeys = ArrayPool<string>.Shared.Rent(top * 2)
            let moreValues = ArrayPool<Json>.Shared.Rent(top * 2)
            Array.Copy(keys, moreKeys, top)
            Array.Copy(values, moreValues, top)
            ArrayPool<string>.Shared.Return(keys, true)
            ArrayPool<Json>.Shared.Return(values, true)
            keys <- moreKeys
            values <- moreValues

        keys[top] <- key
        values[top] <- value
        top <- top + 1
        used <- max used top

    /// Removes the values pushed since `from`, and returns them as an array.
    member _.TakeArray(from: int) : Json =
        let items = Array.sub values from (top - from)
        top <- from
        Json.Array items

    /// Removes the members pushed since `from`, and returns them as an object: sorted, and the last value wins for a
    /// key given twice.
    member _.TakeObject(from: int) : Json =
        let count = top - from
        let mutable sorted = true
        let mutable i = from + 1

        while sorted && i < top do
            sorted <- JsonObject.CompareKeys(keys[i - 1], keys[i]) < 0
            i <- i + 1

        let result =
            if count = 0 then
                JsonObject.Empty
            elif sorted then
                JsonObject(Array.sub keys from count, Array.sub values from count)
            else
                let keys = keys
                let order = Array.init count (fun i -> from + i)

                // Array.Sort is not stable: the index keeps the order of equal keys.
                Array.Sort(
                    order,
                    Comparison(fun a b ->
                        match JsonObject.CompareKeys(keys[a], keys[b]) with
                        | 0 -> compare a b
                        | c -> c)
                )

                let mutable kept = 0

                for i in 0 .. count - 1 do
                    // Peers send duplicate keys; the last wins, as theirs do.
                    if i = count - 1 || not (String.Equals(keys[order[i]], keys[order[i + 1]])) then
                        order[kept] <- order[i]
                        kept <- kept + 1

                JsonObject(Array.init kept (fun i -> keys[order[i]]), Array.init kept (fun i -> values[order[i]]))

        top <- from
        Json.Object result

    member _.Return() =
        Array.Clear(keys, 0, used)
        Array.Clear(values, 0, used)
        ArrayPool<string>.Shared.Return keys
        ArrayPool<Json>.Shared.Return values

/// Reads JSON text into the tree. v1.19 appendices#canonical-json
[<AbstractClass; Sealed>]
type JsonReader private () =

    static let yes = Json.Bool true
    static let no = Json.Bool false

    static let none = Unchecked.defaultof<JsonFault>

    static member private Hex(c: byte) : int =
        let c = int c

        if c <= int '9'B then
            c - int '0'B
        else
            (c ||| 0x20) - int 'a'B + 10

    /// Resolves the escapes of a string whose grammar was checked; null for a lone surrogate.
    static member private Unescape(raw: ReadOnlySpan<byte>) : string | null =
        let pooled = ArrayPool<char>.Shared.Rent raw.Length
        let target = pooled.AsSpan()
        let mutable n = 0
        let mutable i = 0
        let mutable lone = false

        while i < raw.Length do
            let next = raw.Slice(i).IndexOf '\\'B
            let plain = if next < 0 then raw.Length - i else next

            if plain > 0 then
                n <- n + Encoding.UTF8.GetChars(raw.Slice(i, plain), target.Slice n)
                i <- i + plain
                // Plain text never starts with a low surrogate, so a high one before it is alone: caught below.

            if next >= 0 then
                match raw[i + 1] with
                | 'u'B ->
                    let code =
                        (JsonReader.Hex raw[i + 2] <<< 12)
                        ||| (JsonReader.Hex raw[i + 3] <<< 8)
                        ||| (JsonReader.Hex raw[i + 4] <<< 4)
                        ||| JsonReader.Hex raw[i + 5]

                    target[n] <- char code
                    i <- i + 6
                | c ->
                    target[n] <-
                        match c with
                        | 'b'B -> '\b'
                        | 'f'B -> '\012'
                        | 'n'B -> '\n'
                        | 'r'B -> '\r'
                        | 't'B -> '\t'
                        | c -> char c

                    i <- i + 2

                n <- n + 1

        let mutable j = 0

        while j < n do
            let c = target[j]

            if Char.IsHighSurrogate c && j + 1 < n && Char.IsLowSurrogate target[j + 1] then
                j <- j + 2
            elif Char.IsSurrogate c then
                lone <- true
                j <- n
            else
                j <- j + 1

        let result: string | null =
            if lone then
                null
            else
                String(Span<char>.op_Implicit(target.Slice(0, n)): ReadOnlySpan<char>)

        ArrayPool<char>.Shared.Return pooled
        result

    static member private ReadString(reader: byref<Utf8JsonReader>) : string | null =
        if reader.ValueIsEscaped then
            JsonReader.Unescape reader.ValueSpan
        else
            KnownStrings.get reader.ValueSpan

    /// Reads the current value. A fault is returned in `fault`; its position is the reader's token.
    static member private ReadValue
        (reader: byref<Utf8JsonReader>, pending: Pending, reading: Reading, depth: int, fault: byref<JsonFault>)
        : Json =
        match reader.TokenType with
        | JsonTokenType.String ->
            match JsonReader.ReadString &reader with
            | null ->
                fault <- JsonFault.LoneSurrogate
                Json.Null
            | s -> Json.String s
        | JsonTokenType.Number ->
            let mutable value = Json.Null

            match Numbers.read reader.ValueSpan reading &value with
            | ValueSome f -> fault <- f
            | ValueNone -> ()

            value
        | JsonTokenType.True -> yes
        | JsonTokenType.False -> no
        | JsonTokenType.Null -> Json.Null
        | JsonTokenType.StartObject ->
            if reader.CurrentDepth >= depth then
                fault <- JsonFault.TooDeep depth
                Json.Null
            else
                let from = pending.Top
                let mutable go = reader.Read()

                while go && reader.TokenType <> JsonTokenType.EndObject do
                    match JsonReader.ReadString &reader with
                    | null ->
                        fault <- JsonFault.LoneSurrogate
                        go <- false
                    | key ->
                        reader.Read() |> ignore
                        let value = JsonReader.ReadValue(&reader, pending, reading, depth, &fault)

                        if isNull (box fault) then
                            pending.Push(key, value)
                            go <- reader.Read()
                        else
                            go <- false

                if isNull (box fault) then
                    pending.TakeObject from
                else
                    Json.Null
        | _ ->
            if reader.CurrentDepth >= depth then
                fault <- JsonFault.TooDeep depth
                Json.Null
            else
                let from = pending.Top
                let mutable go = reader.Read()

                while go && reader.TokenType <> JsonTokenType.EndArray do
                    let value = JsonReader.ReadValue(&reader, pending, reading, depth, &fault)

                    if isNull (box fault) then
                        pending.Push("", value)
                        go <- reader.Read()
                    else
                        go <- false

                if isNull (box fault) then
                    pending.TakeArray from
                else
                    Json.Null

    static member private FirstBadUtf8(utf8: ReadOnlySpan<byte>) : int =
        let mutable rest = utf8
        let mutable at = 0
        let mutable go = true

        while go && rest.Length > 0 do
            let mutable rune = Unchecked.defaultof<Rune>
            let mutable consumed = 0

            if Rune.DecodeFromUtf8(rest, &rune, &consumed) = OperationStatus.Done then
                at <- at + consumed
                rest <- rest.Slice consumed
            else
                go <- false

        at

    /// Parses one JSON text. If a key is given twice, the last value wins.
    static member Parse(utf8: ReadOnlySpan<byte>, reading: Reading, limits: JsonLimits) : Result<Json, JsonError> =
        if utf8.Length > limits.Bytes then
            Error {
                Fault = JsonFault.TooLarge(utf8.Length, limits.Bytes)
                Offset = limits.Bytes
            }
        elif not (Utf8.IsValid utf8) then
            Error {
                Fault = JsonFault.NotUtf8
                Offset = JsonReader.FirstBadUtf8 utf8
            }
        else
            let pending = Pending()
            // One deeper than our limit, so that our check finds the fault first, and names it.
            let options =
                JsonReaderOptions(CommentHandling = JsonCommentHandling.Disallow, MaxDepth = limits.Depth + 1)

            let mutable reader = Utf8JsonReader(utf8, options)
            let mutable fault = none
            let mutable value = Json.Null
            let mutable complete = false

            try
                try
                    if reader.Read() then
                        value <- JsonReader.ReadValue(&reader, pending, reading, limits.Depth, &fault)

                        if isNull (box fault) then
                            complete <- true
                            reader.Read() |> ignore
                    else
                        fault <- JsonFault.Malformed
                with :? JsonException ->
                    // The reader reports this fault in no other way.
                    fault <-
                        if complete then
                            JsonFault.TrailingData
                        else
                            JsonFault.Malformed
            finally
                pending.Return()

            if isNull (box fault) then
                Ok value
            else
                let at =
                    match fault with
                    | JsonFault.Malformed
                    | JsonFault.TrailingData -> int reader.BytesConsumed
                    | _ -> int reader.TokenStartIndex

                Error { Fault = fault; Offset = at }

    /// Parses one JSON text that must be an object.
    static member ParseObject
        (utf8: ReadOnlySpan<byte>, reading: Reading, limits: JsonLimits)
        : Result<JsonObject, JsonError> =
        match JsonReader.Parse(utf8, reading, limits) with
        | Ok(Json.Object o) -> Ok o
        | Ok _ ->
            Error {
                Fault = JsonFault.NotAnObject
                Offset = 0
            }
        | Error e -> Error e
