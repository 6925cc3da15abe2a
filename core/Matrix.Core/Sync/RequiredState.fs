namespace Matrix.Core.Sync

open System
open System.Collections.Generic
open System.Text
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Core.State

/// What an event must have: no type means any type, no state key any state key.
[<Struct>]
type internal StateElement = {
    Type: string voption
    StateKey: string voption
} with

    member this.Matches(eventType: string, stateKey: string) : bool =
        (match this.Type with
         | ValueSome t -> String.Equals(t, eventType)
         | ValueNone -> true)
        && (match this.StateKey with
            | ValueSome k -> String.Equals(k, stateKey)
            | ValueNone -> true)

/// One request.
type internal StateRequest = {
    Include: StateElement[]
    Exclude: StateElement[]
    Lazy: bool
} with

    /// Whether an event is asked for. Where members are loaded lazily, only those of named users are.
    member this.Admits(eventType: string, stateKey: string) : bool =
        let ofMembers = this.Lazy && eventType = EventTypes.Member

        this.Include
        |> Array.exists (fun e -> e.Matches(eventType, stateKey) && not (ofMembers && e.StateKey.IsNone))
        && not (this.Exclude |> Array.exists (fun e -> e.Matches(eventType, stateKey)))

    member this.WantsAllMembers: bool =
        not this.Lazy
        && this.Include
           |> Array.exists (fun e -> e.StateKey.IsNone && (e.Type.IsNone || e.Type = ValueSome EventTypes.Member))

[<Sealed>]
type RequiredState private (requests: StateRequest[]) =

    static let memberType = EventTypes.Member

    static let nothing = RequiredState [||]

    static let elementJson (e: StateElement) : Json =
        let text value =
            match value with
            | ValueSome(s: string) -> Json.String s
            | ValueNone -> Json.Null

        Json.Object(
            JsonObject.OfSeq [
                if e.Type.IsSome then
                    struct ("type", text e.Type)
                if e.StateKey.IsSome then
                    struct ("state_key", text e.StateKey)
            ]
        )

    static let requestJson (r: StateRequest) : Json =
        Json.Object(
            JsonObject.OfSeq [
                struct ("include", Json.Array(Array.map elementJson r.Include))
                struct ("exclude", Json.Array(Array.map elementJson r.Exclude))
                struct ("lazy_members", Json.Bool r.Lazy)
            ]
        )

    static let textOf (requests: StateRequest[]) =
        CanonicalJson.text (Json.Array(Array.map requestJson requests))

    let text = Lazy<string>(fun () -> textOf requests)

    static let tooMany (items: Json[]) (path: string) (faults: FilterFaults) =
        if items.Length > FilterReader.MaxListLength then
            faults.Note(path, $"at most {FilterReader.MaxListLength} entries")
            true
        else
            false

    static let readElement (path: string) (faults: FilterFaults) (value: Json) : StateElement =
        let textAt (o: JsonObject) name =
            match o.TryFind name with
            | ValueNone -> ValueNone
            | ValueSome(Json.String s) -> ValueSome s
            | ValueSome _ ->
                faults.Note(path + "." + name, "a string")
                ValueNone

        match value with
        | Json.Object o -> {
            Type = textAt o "type"
            StateKey = textAt o "state_key"
          }
        | _ ->
            faults.Note(path, "an array of objects")

            {
                Type = ValueNone
                StateKey = ValueNone
            }

    static let readElements (o: JsonObject) (name: string) (path: string) (faults: FilterFaults) : StateElement[] =
        let below = path + "." + name

        match o.TryFind name with
        | ValueNone -> [||]
        | ValueSome(Json.Array items) when tooMany items below faults -> [||]
        | ValueSome(Json.Array items) -> Array.map (readElement below faults) items
        | ValueSome _ ->
            faults.Note(below, "an array of objects")
            [||]

    static let readRequest (o: JsonObject) (path: string) (faults: FilterFaults) : StateRequest =
        let isLazy =
            match o.TryFind "lazy_members" with
            | ValueNone -> false
            | ValueSome(Json.Bool value) -> value
            | ValueSome _ ->
                faults.Note(path + ".lazy_members", "true or false")
                false

        {
            Include = readElements o "include" path faults
            Exclude = readElements o "exclude" path faults
            Lazy = isLazy
        }

    /// A pair of MSC3575; none for `$LAZY`, which names no event.
    static let readPair (path: string) (self: string) (faults: FilterFaults) (value: Json) : StateElement voption =
        let any (s: string) =
            if s = "*" then ValueNone else ValueSome s

        match value with
        | Json.Array [| Json.String t; Json.String "$LAZY" |] when t = memberType || t = "*" -> ValueNone
        | Json.Array [| Json.String t; Json.String "$ME" |] ->
            ValueSome {
                Type = any t
                StateKey = ValueSome self
            }
        | Json.Array [| Json.String t; Json.String k |] -> ValueSome { Type = any t; StateKey = any k }
        | _ ->
            faults.Note(path, "an array of pairs of strings")
            ValueNone

    static let isLazyPair (value: Json) =
        match value with
        | Json.Array [| Json.String _; Json.String "$LAZY" |] -> true
        | _ -> false

    static member private Of(requests: StateRequest[]) : RequiredState =
        let asking = requests |> Array.filter (fun r -> r.Include.Length > 0 || r.Lazy)

        if asking.Length = 0 then
            nothing
        else
            // The same requests in the same order, so that the text is the same.
            RequiredState(asking |> Array.distinct |> Array.sortBy (fun r -> textOf [| r |]))

    member private _.Requests = requests

    static member Nothing = nothing

    static member Union(first: RequiredState, second: RequiredState) : RequiredState =
        if Object.ReferenceEquals(first, second) || second.Requests.Length = 0 then
            first
        elif first.Requests.Length = 0 then
            second
        elif first.Text = second.Text then
            first
        else
            RequiredState.Of(Array.append first.Requests second.Requests)

    member _.LazyMembers = requests |> Array.exists (fun r -> r.Lazy)

    member _.Admits(eventType: string, stateKey: string) : bool =
        requests |> Array.exists (fun r -> r.Admits(eventType, stateKey))

    member this.Select(state: StateTree) : StateEntry[] =
        let elements = requests |> Array.collect (fun r -> r.Include)
        let isAsked (e: StateEntry) = this.Admits(e.Type, e.StateKey)

        let found (eventType: string) (stateKey: string) : StateEntry[] =
            match state.Find(eventType, stateKey) with
            | null -> [||]
            | entry -> [| entry |]

        if elements |> Array.exists (fun e -> e.Type.IsNone) then
            if requests |> Array.exists (fun r -> r.WantsAllMembers) then
                state.Entries() |> Array.filter isAsked
            else
                // Rooms have many members, of whom only the named ones are asked for.
                let named =
                    elements
                    |> Array.collect (fun e ->
                        match e.StateKey with
                        | ValueSome key when e.Matches(memberType, key) -> found memberType key
                        | _ -> [||])
                    |> Array.distinctBy (fun e -> e.StateKey)

                Array.append (state.Beside memberType) named |> Array.filter isAsked
        else
            let seen = HashSet<struct (string * string)>()

            elements
            |> Array.collect (fun e ->
                match e.Type, e.StateKey with
                | ValueSome eventType, ValueSome key -> found eventType key
                | ValueSome eventType, ValueNone -> state.OfType eventType
                | ValueNone, _ -> [||])
            |> Array.filter (fun e -> isAsked e && seen.Add(struct (e.Type, e.StateKey)))

    member _.Text = text.Value

    static member OfText(text: string) : RequiredState =
        let faults = FilterFaults()

        let limits = {
            JsonLimits.federationBody with
                Bytes = max (Encoding.UTF8.GetByteCount text) 1
        }

        match JsonReader.Parse(ReadOnlySpan(Encoding.UTF8.GetBytes text), Reading.Client, limits) with
        | Ok(Json.Array items) ->
            items
            |> Array.choose (fun item ->
                match item with
                | Json.Object o -> Some(readRequest o "" faults)
                | _ -> None)
            |> RequiredState.Of
        | _ -> nothing

    static member internal ReadObject(value: Json, path: string, faults: FilterFaults) : RequiredState =
        match value with
        | Json.Object o -> RequiredState.Of [| readRequest o path faults |]
        | _ ->
            faults.Note(path, "an object")
            nothing

    static member internal ReadPairs(value: Json, path: string, self: string, faults: FilterFaults) : RequiredState =
        match value with
        | Json.Array items when tooMany items path faults -> nothing
        | Json.Array items ->
            let elements =
                items
                |> Array.choose (fun item ->
                    match readPair path self faults item with
                    | ValueSome e -> Some e
                    | ValueNone -> None)

            // A request for all members names them, so that none is left to load lazily.
            let allMembers =
                elements
                |> Array.exists (fun e -> e.Type = ValueSome memberType && e.StateKey.IsNone)

            RequiredState.Of [|
                {
                    Include = elements
                    Exclude = [||]
                    Lazy = not allMembers && Array.exists isLazyPair items
                }
            |]
        | _ ->
            faults.Note(path, "an array of pairs of strings")
            nothing
