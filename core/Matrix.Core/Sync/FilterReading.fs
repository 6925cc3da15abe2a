namespace Matrix.Core.Sync

open System
open Matrix.Core.Ident
open Matrix.Core.Json

/// The reason why a filter was refused: a wrong value.
[<Sealed>]
type FilterError internal (path: string, expected: string) =

    /// The path of the value, with dots.
    member _.Path = path

    /// The expected value.
    member _.Expected = expected

    /// The error's `errcode`; its status is 400.
    member _.ErrCode = "M_BAD_JSON"

    override _.ToString() = $"filter: {path} must be {expected}."

/// A filter, or the reason why it was refused.
[<Sealed>]
type FilterOutcome<'F> internal (result: Result<'F, FilterError>) =

    /// Calls one of the two functions.
    member _.Match(read: Func<'F, 'T>, refused: Func<FilterError, 'T>) : 'T =
        match result with
        | Ok filter -> read.Invoke filter
        | Error error -> refused.Invoke error

    /// The outcome, for F#.
    member _.Result = result

/// The first fault found in a filter.
[<Sealed>]
type internal FilterFaults() =
    let mutable first: FilterError | null = null

    /// Records a fault, unless one was recorded before.
    member _.Note(path: string, expected: string) : unit =
        if isNull first then
            first <- FilterError(path, expected)

    /// The value read, unless there was a fault.
    member _.Outcome(filter: 'F) : FilterOutcome<'F> =
        match first with
        | null -> FilterOutcome(Ok filter)
        | error -> FilterOutcome(Error error)

/// Reads the members of an object in a filter. A faulty member is read as absent, since the result is discarded then.
[<Sealed>]
type internal FilterReader(o: JsonObject, path: string, faults: FilterFaults) =

    let below (name: string) =
        if path = "" then name else path + "." + name

    /// The longest list in a filter.
    static member MaxListLength = 1000

    /// The object's path.
    member _.Path = path

    /// Whether the object is empty.
    member _.IsEmpty = (o.Count = 0)

    /// A boolean; none if absent.
    member _.MaybeBool(name: string) : bool voption =
        match o.TryFind name with
        | ValueNone -> ValueNone
        | ValueSome(Json.Bool value) -> ValueSome value
        | ValueSome _ ->
            faults.Note(below name, "true or false")
            ValueNone

    /// A boolean; false if absent.
    member this.Bool(name: string) : bool =
        ValueOption.defaultValue false (this.MaybeBool name)

    /// An object; the empty one if absent.
    member _.Inner(name: string) : FilterReader =
        match o.TryFind name with
        | ValueNone -> FilterReader(JsonObject.Empty, below name, faults)
        | ValueSome(Json.Object value) -> FilterReader(value, below name, faults)
        | ValueSome _ ->
            faults.Note(below name, "an object")
            FilterReader(JsonObject.Empty, below name, faults)

    member private _.List(name: string, valid: string -> bool, expected: string) : string[] | null =
        match o.TryFind name with
        | ValueNone -> null
        | ValueSome(Json.Array items) when items.Length > FilterReader.MaxListLength ->
            faults.Note(below name, $"at most {FilterReader.MaxListLength} entries")
            null
        | ValueSome(Json.Array items) ->
            items
            |> Array.choose (fun item ->
                match item with
                | Json.String s when valid s -> Some s
                | _ ->
                    faults.Note(below name, expected)
                    None)
        | ValueSome _ ->
            faults.Note(below name, expected)
            null

    /// A list of strings; null if absent.
    member this.Texts(name: string) : string[] | null =
        this.List(name, (fun _ -> true), "an array of strings")

    /// A list of strings and nulls, which are read as empty strings; null if absent.
    member _.TextsOrNulls(name: string) : string[] | null =
        match o.TryFind name with
        | ValueNone -> null
        | ValueSome(Json.Array items) when items.Length > FilterReader.MaxListLength ->
            faults.Note(below name, $"at most {FilterReader.MaxListLength} entries")
            null
        | ValueSome(Json.Array items) ->
            items
            |> Array.map (fun item ->
                match item with
                | Json.String s -> s
                | Json.Null -> ""
                | _ ->
                    faults.Note(below name, "an array of strings and nulls")
                    "")
        | ValueSome _ ->
            faults.Note(below name, "an array of strings and nulls")
            null

    /// A list of user ids; null if absent.
    member this.UserIds(name: string) : string[] | null =
        this.List(name, UserId.isValid, "an array of user ids")

    /// A list of room ids; null if absent.
    member this.RoomIds(name: string) : string[] | null =
        this.List(name, RoomId.isOfSomeVersion, "an array of room ids")

    /// A count; none if absent. The specification requires more than 0, but many clients send 0 to get no events.
    member _.Limit(name: string) : int voption =
        match o.TryFind name with
        | ValueNone -> ValueNone
        | ValueSome(Json.Int n) when n >= 0L -> ValueSome(int (min n (int64 Int32.MaxValue)))
        | ValueSome _ ->
            faults.Note(below name, "an integer that is not negative")
            ValueNone

    /// A string; null if absent.
    member _.Text(name: string) : string | null =
        match o.TryFind name with
        | ValueNone -> null
        | ValueSome(Json.String s) -> s
        | ValueSome _ ->
            faults.Note(below name, "a string")
            null

    /// A member as it is; none if absent.
    member _.Value(name: string) : Json voption = o.TryFind name

    /// The path of a member.
    member _.PathOf(name: string) : string = below name

    /// The members, each of which must be an object, with a reader of each.
    member _.Members() : struct (string * JsonObject * FilterReader)[] =
        Array.init o.Count (fun i ->
            let name = o.Key i

            match o.Value i with
            | Json.Object value -> struct (name, value, FilterReader(value, below name, faults))
            | _ ->
                faults.Note(below name, "an object")
                struct (name, JsonObject.Empty, FilterReader(JsonObject.Empty, below name, faults)))

    /// One of these words; the first if absent.
    member _.OneOf(name: string, words: string list) : string =
        match o.TryFind name with
        | ValueNone -> List.head words
        | ValueSome(Json.String s) when List.contains s words -> s
        | ValueSome _ ->
            faults.Note(below name, String.concat " or " words)
            List.head words
