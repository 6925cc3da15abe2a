namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open System.Security.Cryptography
open System.Text
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Json

/// The order in which version 1 of the algorithm tries events: by depth, then by the SHA-1 of their ids.
[<RequireQualifiedAccess>]
module internal DepthOrdering =

    /// Ascending depth, then descending SHA-1.
    let sort (graph: AuthGraph) (events: int[]) : int[] =
        let hashes =
            events |> Array.map (fun n -> SHA1.HashData(Encoding.UTF8.GetBytes(graph.Id n)))

        let compareHashes (a: byte[]) (b: byte[]) =
            MemoryExtensions.SequenceCompareTo(ReadOnlySpan<byte> a, ReadOnlySpan<byte> b)

        let depth i = (graph.Event events[i]).Pdu.Depth

        Array.init events.Length id
        |> Array.sortWith (fun i j ->
            match compare (depth i) (depth j) with
            | 0 -> compareHashes hashes[j] hashes[i]
            | byDepth -> byDepth)
        |> Array.map (fun i -> events[i])

/// Version 1 of the algorithm: conflicts are resolved type by type, and each key by itself. Each pass sees the results
/// of earlier passes; conflicts of one pass do not see each other. v1.19 rooms/v1#state-resolution
[<Sealed>]
type internal PassesByType(rules: AuthRules, graph: AuthGraph, states: StatesToResolve) =

    // R, as far as it differs from the entries that all states share. A key that some states lack is not in conflict
    // here.
    let settled = Dictionary<struct (string * string), int>()
    let conflicts = List<struct (ConflictedEntry * int[])>()
    let steps = List<SettledConflict>()
    let refused = List<struct (string * Matrix.Rules.Failure)>()

    do
        for entry in states.Conflicted do
            let events =
                entry.Events
                |> Array.choose Option.ofObj
                |> Array.distinct
                |> Array.map (fun id -> graph.Load(id, ResolutionError.EventMissing))
                |> Array.filter (fun n -> n >= 0)

            if events.Length = 1 then
                settled[struct (entry.Type, entry.StateKey)] <- events[0]
            elif events.Length > 1 then
                conflicts.Add(struct (entry, events))

    let find (eventType: string) (stateKey: string) : AuthEvent | null =
        match settled.TryGetValue(struct (eventType, stateKey)) with
        | true, n -> graph.Event n
        | _ ->
            match graph.UnconflictedAt(eventType, stateKey) with
            | null -> null
            | id ->
                match graph.Load(id, ResolutionError.EventMissing) with
                | -1 -> null
                | n -> graph.Event n

    /// R with one more event at the key that is being resolved; -1 for none.
    let seen (entry: ConflictedEntry) (own: int) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                if
                    own >= 0
                    && String.Equals(eventType, entry.Type)
                    && String.Equals(stateKey, entry.StateKey)
                then
                    graph.Event own
                else
                    find eventType stateKey
    }

    let passes (entry: ConflictedEntry) (own: int) (n: int) : bool =
        match AuthCheck.decide rules graph (seen entry own) n with
        | Decision.Allowed _ -> true
        | Decision.Rejected failure ->
            refused.Add(struct (graph.Id n, failure))
            false

    /// Starts with the first event, and replaces it by the next one as long as the rules allow the next one in a state
    /// that contains the previous one.
    let climb (entry: ConflictedEntry) (order: int[]) : int =
        let mutable resolved = order[0]
        let mutable i = 1

        while i < order.Length && passes entry resolved order[i] do
            resolved <- order[i]
            i <- i + 1

        resolved

    /// The deepest event that is allowed; the last one tried, if none is.
    let pick (entry: ConflictedEntry) (order: int[]) : int =
        let mutable i = 0

        while i < order.Length - 1 && not (passes entry -1 order[i]) do
            i <- i + 1

        order[i]

    let pass (belongs: string -> bool) (order: int[] -> int[]) (choose: ConflictedEntry -> int[] -> int) =
        let chosen = List<struct (ConflictedEntry * int)>()

        for struct (entry, events) in conflicts do
            if belongs entry.Type && graph.Fault.IsNone then
                let order = order events
                let resolved = choose entry order
                chosen.Add(struct (entry, resolved))

                steps.Add {
                    Type = entry.Type
                    StateKey = entry.StateKey
                    Order = order |> Array.map graph.Id
                    Chosen = graph.Id resolved
                }

        for struct (entry, resolved) in chosen do
            settled[struct (entry.Type, entry.StateKey)] <- resolved

    static let authorising = [| EventTypes.PowerLevels; EventTypes.JoinRules; EventTypes.Member |]

    /// Resolves all conflicts.
    member _.Run() : unit =
        conflicts.Sort(fun (struct (a, _)) (struct (b, _)) ->
            match JsonObject.CompareKeys(a.Type, b.Type) with
            | 0 -> JsonObject.CompareKeys(a.StateKey, b.StateKey)
            | byType -> byType)

        for eventType in authorising do
            pass (fun t -> t = eventType) (DepthOrdering.sort graph) climb

        pass (fun t -> Array.IndexOf(authorising, t) < 0) (DepthOrdering.sort graph >> Array.rev) pick

    /// The resolved entries at keys where the states disagree.
    member _.Entries: ResolvedEntry[] = [|
        for KeyValue(struct (eventType, stateKey), n) in settled ->
            {
                Type = eventType
                StateKey = stateKey
                EventId = graph.Id n
            }
    |]

    /// The result of each conflict, in the order in which they were resolved.
    member _.Settled = steps.ToArray()

    /// The events that were tried and refused.
    member _.Refused = refused.ToArray()
