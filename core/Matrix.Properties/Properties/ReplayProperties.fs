namespace Matrix.Properties.Properties

open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Reference

/// A replay of rooms under test.
type Replaying = RoomVersion -> Pdu[] -> ReplayReference.Replayed

/// A room that is replayed, and the replay under test.
type ReplayedRoom = {
    Version: RoomVersion
    Events: Pdu[]
    Replaying: Replaying
} with

    /// The replay of some of its events.
    member this.Replay(events: Pdu[]) : ReplayReference.Replayed = this.Replaying this.Version events

/// Properties of replay: the state before and after each event, in rooms whose history forks and merges.
[<RequireQualifiedAccess>]
module ReplayProperties =

    let private mapOf (tree: StateTree) : StateMap =
        Map [ for e in tree.Entries() -> (e.Type, e.StateKey), e.EventId ]

    /// The replay of the core.
    let production: Replaying =
        fun version events ->
            match Replay.Run(AuthRules version, events, ResolutionLimits.Usual) with
            | Error error -> failwith $"%A{error}"
            | Ok replay -> {
                Events = [
                    for e in replay.Events ->
                        {
                            Id = e.Pdu.EventId
                            IsRejected = e.Rejection.IsSome
                            Before = mapOf e.Before
                            After = mapOf e.After
                        }
                ]
                Extremities = List.ofArray replay.Extremities
                State = mapOf replay.State
              }

    /// Two servers agree whatever the order of arrival.
    let arrivalOrder: Law<ReplayedRoom> =
        Law.named
            "state-res.arrival-order"
            "Servers that receive the same events in different orders accept the same ones, and have the same state \
             before and after each event, and at the end."
            (fun room ->
                let seenBy (events: Pdu[]) =
                    let replayed = room.Replay events
                    set replayed.Events, set replayed.Extremities, replayed.State

                let first = seenBy room.Events

                [ 1..4 ]
                |> List.forall (fun seed -> seenBy (DagGen.shuffled seed room.Events) = first))

    /// The state before an event agrees with its definition.
    let isTheDefinition: Law<ReplayedRoom> =
        Law.named
            "state-res.state-before-and-after"
            "The state before an event is the resolution of the states after its previous events; an event changes \
             the state after it exactly if its auth events and the state before it allow the event."
            (fun room ->
                let replayed = room.Replay room.Events

                let literal =
                    ReplayReference.replay ReplayReference.literal room.Version room.Events

                set replayed.Events = set literal.Events
                && set replayed.Extremities = set literal.Extremities
                && replayed.State = literal.State)

    /// The forward extremities are the last events.
    let extremitiesAreTheEnd: Law<ReplayedRoom> =
        Law.named
            "state-res.extremities-are-the-end"
            "Every accepted event is a forward extremity or an ancestor of one, and no extremity precedes another."
            (fun room ->
                let replayed = room.Replay room.Events
                let byId = Map [ for e in room.Events -> e.EventId, e ]

                let rec before (seen: Set<string>) (pending: string list) =
                    match pending with
                    | [] -> seen
                    | id :: rest when seen.Contains id -> before seen rest
                    | id :: rest -> before (seen.Add id) (List.ofArray byId[id].PrevEvents @ rest)

                let behind =
                    replayed.Extremities
                    |> List.map (fun id -> before Set.empty (List.ofArray byId[id].PrevEvents))
                    |> Set.unionMany

                let accepted =
                    replayed.Events
                    |> List.filter (fun e -> not e.IsRejected)
                    |> List.map _.Id
                    |> set

                (Set.intersect (set replayed.Extremities) behind).IsEmpty
                && Set.isSubset accepted (Set.union behind (set replayed.Extremities)))

    /// All laws.
    let laws: Law<ReplayedRoom> list = [ arrivalOrder; isTheDefinition; extremitiesAreTheEnd ]

    /// All of them, for a version. Each check replays rooms many times.
    let all (version: RoomVersion) : Property list =
        laws
        |> List.map (
            Law.property version DagGen.steps DagGen.shrink (fun steps -> {
                Version = version
                Events = DagGen.play version steps
                Replaying = production
            })
        )
        |> List.map (Property.atMost 40)
