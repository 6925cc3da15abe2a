namespace Matrix.Core.Sync

open System
open System.Globalization
open System.Runtime.InteropServices

[<Sealed>]
type ImportedClock internal (least: int64, writers: struct (int64 * int64)[]) =

    member _.Least = least

    member _.Greatest =
        writers
        |> Array.fold (fun most (struct (_, position)) -> max most position) least

    member _.Of(writer: int64) =
        writers
        |> Array.tryPick (fun (struct (id, position)) -> if id = writer then Some position else None)
        |> Option.defaultValue least

[<Sealed>]
type ImportedToken private (text: string, depth: Nullable<int64>, parts: ImportedClock[]) =

    /// The longest text: 14 parts, of which some are clocks of the 30 or so processes of a large server.
    static let maxLength = 4096

    /// The most parts: more than twice those of today.
    static let maxParts = 32

    /// The most processes of a clock.
    static let maxWriters = 64

    static let nowhere = ImportedClock(0L, [||])

    static let tryNumber (styles: NumberStyles) (text: string) =
        match Int64.TryParse(text, styles, CultureInfo.InvariantCulture) with
        | true, number when number <> Int64.MinValue -> ValueSome number
        | _ -> ValueNone

    static let tryPosition = tryNumber NumberStyles.None

    static let trySigned = tryNumber NumberStyles.AllowLeadingSign

    static let tryWriter (text: string) =
        match text.Split('.', 3) with
        | [| writer; position |] ->
            match tryPosition writer, tryPosition position with
            | ValueSome writer, ValueSome position -> Some struct (writer, position)
            | _ -> None
        | _ -> None

    /// A clock after its `m`. Versions of Synapse with a fault wrote `5~` for 5.
    static let tryClock (text: string) =
        let pieces = text.Split('~', maxWriters + 2)
        let writers = pieces |> Array.skip 1 |> Array.filter (fun piece -> piece <> "")
        let read = Array.choose tryWriter writers

        match tryPosition pieces[0] with
        | ValueSome least when pieces.Length <= maxWriters + 1 && read.Length = writers.Length ->
            ValueSome(ImportedClock(least, read |> Array.filter (fun (struct (_, position)) -> position > least)))
        | _ -> ValueNone

    static let tryPart (text: string) =
        if text.StartsWith 'm' then
            tryClock (text.Substring 1)
        else
            match tryPosition text with
            | ValueSome position -> ValueSome(ImportedClock(position, [||]))
            | ValueNone -> ValueNone

    /// The depth and the position of an event; `t` tokens count a position down by one, as they mean the place before.
    static let tryPlace (depth: string) (position: string) =
        match tryPosition depth, trySigned position with
        | ValueSome depth, ValueSome position -> ValueSome struct (Nullable depth, ImportedClock(position, [||]))
        | _ -> ValueNone

    static let tryEvents (text: string) =
        let rest = if text = "" then "" else text.Substring 1

        match (if text = "" then ' ' else text[0]), rest.Split('-', 2) with
        | 's', _ ->
            match trySigned rest with
            | ValueSome position -> ValueSome struct (Nullable(), ImportedClock(position, [||]))
            | ValueNone -> ValueNone
        | 'm', _ ->
            match tryClock rest with
            | ValueSome clock -> ValueSome struct (Nullable(), clock)
            | ValueNone -> ValueNone
        | 't', [| depth; position |] -> tryPlace depth position
        | _ -> ValueNone

    /// The places of the parts that are looked at, after the first one.
    static let places = [| 3; 4; 5; 6; 7; 10; 1 |]

    static let part (parts: string[]) place =
        if place < parts.Length then
            tryPart parts[place]
        else
            ValueSome nowhere

    static let tryWhole (text: string) (parts: string[]) =
        let others = Array.map (part parts) places

        match tryEvents parts[0] with
        | ValueSome(struct (depth, events)) when others |> Array.forall (fun read -> read.IsSome) ->
            ValueSome(ImportedToken(text, depth, Array.append [| events |] (others |> Array.map ValueOption.get)))
        | _ -> ValueNone

    /// The end of a page of threads: the next page has those whose latest event came before the named one.
    static let tryThreads (text: string) (parts: string[]) =
        match tryPlace parts[0] parts[1] with
        | ValueSome(struct (depth, latest)) ->
            let before = ImportedClock(latest.Least - 1L, [||])
            ValueSome(ImportedToken(text, depth, Array.append [| before |] (Array.replicate places.Length nowhere)))
        | ValueNone -> ValueNone

    static member TryParse(text: string, [<Out>] token: byref<ImportedToken>) : bool =
        let parts =
            if text.Length > maxLength then
                [||]
            else
                text.Split('_', maxParts + 1)

        let read =
            if parts.Length = 0 || parts.Length > maxParts then
                ValueNone
            elif parts.Length = 2 && parts[0] <> "" && Char.IsAsciiDigit parts[0].[0] then
                tryThreads text parts
            else
                tryWhole text parts

        match read with
        | ValueSome found ->
            token <- found
            true
        | ValueNone -> false

    member _.Text = text

    member _.Depth = depth

    member _.Events = parts[0]

    member _.Receipts = parts[1]

    member _.AccountData = parts[2]

    member _.PushRules = parts[3]

    member _.ToDevice = parts[4]

    member _.DeviceLists = parts[5]

    member _.ThreadSubscriptions = parts[6]

    member _.Presence = parts[7]

    member _.Greatest =
        parts
        |> Array.fold (fun most (clock: ImportedClock) -> max most clock.Greatest) 0L
