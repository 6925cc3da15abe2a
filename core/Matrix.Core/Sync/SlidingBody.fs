namespace Matrix.Core.Sync

open System
open System.Collections.Generic
open System.Security.Cryptography
open System.Text
open Matrix.Core.Ident
open Matrix.Core.Json

[<Sealed>]
type RoomConfig(timelineLimit: int, requiredState: RequiredState) =
    member _.TimelineLimit = timelineLimit
    member _.RequiredState = requiredState

    static member Union(first: RoomConfig, second: RoomConfig) : RoomConfig =
        RoomConfig(
            max first.TimelineLimit second.TimelineLimit,
            RequiredState.Union(first.RequiredState, second.RequiredState)
        )

[<Sealed>]
type SlidingList(name: string, config: RoomConfig, filter: RoomListFilter, ranges: struct (int * int)[]) =

    let hash =
        let spans = ranges |> Array.map (fun (struct (first, last)) -> $"{first}-{last}")

        let text =
            String.Join(
                "\n",
                name,
                string config.TimelineLimit,
                config.RequiredState.Text,
                filter.Hash,
                String.Join(",", spans)
            )

        Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes text))

    member _.Name = name
    member _.Config = config
    member _.Filter = filter
    member _.Ranges: IReadOnlyList<struct (int * int)> = ranges
    member _.Hash = hash

[<Sealed>]
type SlidingSubscription(roomId: string, config: RoomConfig) =
    member _.RoomId = roomId
    member _.Config = config

[<Sealed>]
type ExtensionRequest(name: string, reader: FilterReader) =

    let isEnabled = reader.Bool "enabled"
    let lists = reader.Texts "lists"
    let rooms = reader.Texts "rooms"
    let limit = reader.Limit "limit"
    let since = reader.Text "since"

    let collection (names: string[] | null) : IReadOnlyCollection<string> | null =
        match names with
        | null -> null
        | names -> HashSet(names, StringComparer.Ordinal)

    let listSet = collection lists
    let roomSet = collection rooms

    member _.Name = name
    member _.IsEnabled = isEnabled
    member _.Lists = listSet
    member _.Rooms = roomSet

    member _.Limit =
        match limit with
        | ValueSome n -> Nullable n
        | ValueNone -> Nullable()

    member _.Since: string | null = since

[<Sealed>]
type SlidingLimits(lists: int, subscriptions: int) =
    member internal _.Lists = lists
    member internal _.Subscriptions = subscriptions

/// The parts in which the two formats differ.
type internal SlidingFormat = {
    RequiredState: Json * string * FilterFaults -> RequiredState
    Ranges: FilterReader -> FilterFaults -> struct (int * int)[]
}

module internal SlidingReading =

    /// The longest list of ranges.
    let mostRanges = 100

    let everything = [| struct (0, Int32.MaxValue) |]

    let bound (value: int64) = int (min value (int64 Int32.MaxValue))

    let readRange (path: string) (faults: FilterFaults) (value: Json) : struct (int * int) =
        match value with
        | Json.Array [| Json.Int first; Json.Int last |] when first >= 0L && last >= first ->
            struct (bound first, bound last)
        | _ ->
            faults.Note(path, "two integers, of which the second is not less than the first, and neither negative")
            struct (0, 0)

    /// Ranges in order, joined where they overlap or touch.
    let joined (ranges: struct (int * int)[]) : struct (int * int)[] =
        let result = List<struct (int * int)>()

        for struct (first, last) in Array.sort ranges do
            if result.Count = 0 then
                result.Add(struct (first, last))
            else
                let struct (before, until) = result[result.Count - 1]

                if int64 first <= int64 until + 1L then
                    result[result.Count - 1] <- struct (before, max until last)
                else
                    result.Add(struct (first, last))

        result.ToArray()

    let range (reader: FilterReader) (faults: FilterFaults) : struct (int * int)[] =
        match reader.Value "range" with
        | ValueNone -> everything
        | ValueSome value -> [| readRange (reader.PathOf "range") faults value |]

    let ranges (reader: FilterReader) (faults: FilterFaults) : struct (int * int)[] =
        let path = reader.PathOf "ranges"

        match reader.Value "ranges" with
        | ValueNone -> everything
        | ValueSome(Json.Array items) when items.Length > mostRanges ->
            faults.Note(path, $"at most {mostRanges} ranges")
            [||]
        | ValueSome(Json.Array items) -> items |> Array.map (readRange path faults) |> joined
        | ValueSome _ ->
            faults.Note(path, "an array of pairs of integers")
            [||]

    let config (format: SlidingFormat) (reader: FilterReader) (faults: FilterFaults) : RoomConfig =
        let state =
            match reader.Value "required_state" with
            | ValueNone -> RequiredState.Nothing
            | ValueSome value -> format.RequiredState(value, reader.PathOf "required_state", faults)

        let limit =
            match reader.Limit "timeline_limit" with
            | ValueSome n -> n
            | ValueNone ->
                faults.Note(reader.PathOf "timeline_limit", "an integer that is not negative")
                0

        RoomConfig(limit, state)

    let list (format: SlidingFormat) (faults: FilterFaults) name (reader: FilterReader) : SlidingList =
        SlidingList(
            name,
            config format reader faults,
            RoomListFilter.Read(reader.Inner "filters", faults),
            format.Ranges reader faults
        )

[<Sealed>]
type SlidingBody
    private
    (
        connectionId: string,
        reader: FilterReader,
        lists: SlidingList[],
        subscriptions: SlidingSubscription[],
        extensions: ExtensionRequest[]
    ) =

    let transactionId = reader.Text "txn_id"
    let pos = reader.Text "pos"

    let timeout =
        match reader.Value "timeout" with
        | ValueSome(Json.Int n) when n >= 0L -> n
        | _ -> 0L

    /// The longest name of a connection or of a list.
    static let longestName = 255

    static let read
        (format: SlidingFormat)
        (body: JsonObject)
        (limits: SlidingLimits)
        (known: IReadOnlyCollection<string>)
        : SlidingOutcome =
        let faults = FilterFaults()
        let reader = FilterReader(body, "", faults)

        let listReaders = (reader.Inner "lists").Members()
        let roomReaders = (reader.Inner "room_subscriptions").Members()

        let connectionId =
            match reader.Text "conn_id" with
            | null -> ""
            | name -> name

        if listReaders.Length > limits.Lists then
            SlidingOutcome(null, "M_INVALID_PARAM", $"There may be at most {limits.Lists} lists.")
        elif roomReaders.Length > limits.Subscriptions then
            SlidingOutcome(null, "M_INVALID_PARAM", $"There may be at most {limits.Subscriptions} subscriptions.")
        elif connectionId.Length > longestName || connectionId.Contains '\000' then
            SlidingOutcome(null, "M_INVALID_PARAM", "`conn_id` is too long, or contains NUL.")
        else
            let lists =
                listReaders
                |> Array.map (fun (struct (name, _, reader)) ->
                    if name.Length > longestName then
                        faults.Note("lists", "lists with shorter names")

                    SlidingReading.list format faults name reader)

            let subscriptions =
                roomReaders
                |> Array.map (fun (struct (roomId, _, reader)) ->
                    if not (RoomId.isOfSomeVersion roomId) then
                        faults.Note("room_subscriptions", "an object by room ids")

                    SlidingSubscription(roomId, SlidingReading.config format reader faults))

            let named = reader.Inner "extensions"

            let extensions =
                known
                |> Seq.filter (fun name -> (named.Value name).IsSome)
                |> Seq.map (fun name -> ExtensionRequest(name, named.Inner name))
                |> Seq.toArray

            match reader.Value "timeout" with
            | ValueNone -> ()
            | ValueSome(Json.Int n) when n >= 0L -> ()
            | ValueSome _ -> faults.Note("timeout", "an integer that is not negative")

            let result = SlidingBody(connectionId, reader, lists, subscriptions, extensions)

            match (faults.Outcome result).Result with
            | Ok body -> SlidingOutcome(body, "", "")
            | Error error -> SlidingOutcome(null, error.ErrCode, $"{error.Path} must be {error.Expected}.")

    member _.ConnectionId = connectionId
    member _.TransactionId: string | null = transactionId
    member _.Pos: string | null = pos
    member _.Timeout = timeout
    member _.Lists: IReadOnlyList<SlidingList> = lists
    member _.Subscriptions: IReadOnlyList<SlidingSubscription> = subscriptions
    member _.Extensions: IReadOnlyList<ExtensionRequest> = extensions

    static member Parse
        (body: JsonObject, limits: SlidingLimits, extensions: IReadOnlyCollection<string>)
        : SlidingOutcome =
        let format = {
            RequiredState = RequiredState.ReadObject
            Ranges = SlidingReading.range
        }

        read format body limits extensions

    static member ParseUnstable
        (body: JsonObject, self: string, limits: SlidingLimits, extensions: IReadOnlyCollection<string>)
        : SlidingOutcome =
        let format = {
            RequiredState = fun (value, path, faults) -> RequiredState.ReadPairs(value, path, self, faults)
            Ranges = SlidingReading.ranges
        }

        read format body limits extensions

and [<Sealed>] SlidingOutcome(body: SlidingBody | null, errCode: string, problem: string) =
    member _.Body: SlidingBody | null = body
    member _.ErrCode = errCode
    member _.Problem = problem
