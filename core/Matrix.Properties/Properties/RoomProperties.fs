namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Core.Json
open Matrix.Core.Room
open Matrix.Properties
open Matrix.Properties.Generators
open Matrix.Properties.Generators.RoomGen
open Matrix.Properties.Reference

/// Properties of rooms that this server creates, and of the events it makes in them.
[<RequireQualifiedAccess>]
module RoomProperties =

    let private created (rules: RoomRules) (request: NewRoom) =
        let room = LocalRoom rules
        let refusals = rules.CreationDrafts request |> Seq.choose room.Append |> Seq.toList
        room, refusals

    let private level (content: JsonObject) (path: string list) : int64 voption =
        let rec find (o: JsonObject) path =
            match path with
            | [] -> ValueNone
            | [ key ] ->
                match o.TryFind key with
                | ValueSome(Json.Int n) -> ValueSome n
                | _ -> ValueNone
            | key :: rest ->
                match o.TryFind key with
                | ValueSome(Json.Object inner) -> find inner rest
                | _ -> ValueNone

        find content path

    /// The rules allow all of the server's first events.
    let creationIsAllowed =
        Property.forAll
            "room.creation-is-allowed"
            "In every version and preset, the rules allow each of the first events, in the order in which they are \
             sent."
            (Gen.zip (Gen.elements versions) newRoom)
            (fun (rules, request) -> snd (created rules request) |> List.isEmpty)

    /// Creators with infinite power are in no `users` map, and a tombstone needs a level of its own.
    let creatorsAreNotListed =
        Property.forAll
            "room.creators-are-not-listed"
            "Where creators have infinite power, they are in no `users` map, and a tombstone needs a higher level \
             than other state."
            (Gen.zip (Gen.elements (versions |> List.filter (fun r -> r.RoomIdIsHash))) newRoom)
            (fun (rules, request) ->
                let room, _ = created rules request

                match room.Find("m.room.power_levels", "") with
                | None -> false
                | Some levels ->
                    let listed =
                        match levels.Content.TryFind "users" with
                        | ValueSome(Json.Object users) -> users.Has request.Creator
                        | _ -> false

                    not listed
                    && level levels.Content [ "events"; "m.room.tombstone" ] > level levels.Content [ "state_default" ])

    /// A server that is alone makes a chain.
    let localHistoryIsAChain =
        Property.forAll
            "room.local-history-is-a-chain"
            "In a room that only one server writes to, each event names the previous one and is one deeper; the last \
             is the only extremity."
            history
            (fun (rules, request, attempts) ->
                let room, _ = created rules request

                for draft in attempts do
                    room.Append draft |> ignore

                let events = Seq.toList room.Events

                let chained =
                    events
                    |> List.pairwise
                    |> List.forall (fun (before, after) ->
                        after.PrevEvents = [| before.EventId |] && after.Depth = before.Depth + 1L)

                chained
                && events.Head.PrevEvents = [||]
                && events.Head.Depth = 1L
                && (room.Extremities |> Array.map (fun e -> e.EventId)) = [| (List.last events).EventId |])

    /// References of early versions carry hashes.
    let referencesCarryHashes =
        let references (event: JsonObject) key = [
            match event.TryFind key with
            | ValueSome(Json.Array items) ->
                for item in items do
                    match item with
                    | Json.Array [| Json.String id; Json.Object hashes |] -> id, hashes.TryFind "sha256"
                    | Json.String id -> id, ValueNone
                    | _ -> ()
            | _ -> ()
        ]

        Property.forAll
            "room.references-carry-hashes"
            "Where servers choose ids, an event's id has the server's name, and each reference carries the reference \
             hash of the event that it names."
            history
            (fun (rules, request, attempts) ->
                let room, _ = created rules request

                for draft in attempts do
                    room.Append draft |> ignore

                let hashOf id =
                    let named = room.Events |> Seq.find (fun e -> e.EventId = id)

                    let hash =
                        LiteralEvent.referenceHash rules.Format.Version.Redaction (EventGen.members named)

                    ValueSome(Json.String(UnpaddedBase64.encode (System.ReadOnlySpan hash)))

                room.Events
                |> Seq.forall (fun event ->
                    let members = EventGen.members event

                    let named = references members "prev_events" @ references members "auth_events"

                    if rules.AssignsIds then
                        event.EventId.EndsWith ":one"
                        && named |> List.forall (fun (id, hash) -> hash = hashOf id)
                    else
                        named |> List.forall (fun (_, hash) -> hash.IsNone)))

    let private extremities: Gen<ForwardExtremity list> =
        Gen.sized (fun size ->
            Gen.choose (0, size)
            |> Gen.map (fun n -> [ for i in 1..n -> ForwardExtremity(uint32 (i * 7 % 101), $"$e{i}") ]))

    /// No extremity is lost.
    let choosingLosesNothing =
        Property.forAll
            "room.extremities.choosing-loses-nothing"
            "A new event names the latest extremities, up to the limit; the others remain extremities."
            (Gen.zip extremities (Gen.choose (1, 30)))
            (fun (all, most) ->
                let chosen = Extremities.Choose(List.toArray all, most)
                let made = ForwardExtremity(1000u, "$new")
                let after = Extremities.After(List.toArray all, chosen.Ids, made, true)

                let oldest =
                    chosen.Named
                    |> Seq.map (fun e -> e.Ordinal)
                    |> Seq.fold min System.UInt32.MaxValue

                chosen.Named.Count = min most all.Length
                && chosen.Kept |> Seq.forall (fun e -> e.Ordinal <= oldest)
                && Set.ofSeq (Seq.append chosen.Ids (chosen.Kept |> Seq.map (fun e -> e.EventId))) =
                    Set.ofList (all |> List.map (fun e -> e.EventId))
                && Set.ofSeq (after |> Seq.map (fun e -> e.EventId)) =
                    Set.add "$new" (chosen.Kept |> Seq.map (fun e -> e.EventId) |> Set.ofSeq))

    /// Events that are not accepted leave the extremities unchanged.
    let refusedEventsAreNotBuiltOn =
        Property.forAll
            "room.extremities.refused-are-not-built-on"
            "A rejected or soft-failed event neither becomes an extremity nor replaces one."
            extremities
            (fun all ->
                let ids = all |> List.map (fun e -> e.EventId) |> List.toArray
                Extremities.After(List.toArray all, ids, ForwardExtremity(1000u, "$new"), false) = List.toArray all)

    /// The verdict follows from the three checks, in order.
    let verdictFollowsTheChecks =
        let version = Matrix.Rules.Versions.v12
        let rules = AuthRules version

        Property.forAll
            "room.verdict-follows-the-checks"
            "An event is rejected by its auth events or the state before it, soft-failed by the current state alone, \
             and otherwise accepted."
            (Gen.zip3 (AuthGen.case version) (AuthGen.case version) (AuthGen.case version))
            (fun (asked, before, current) ->
                let states =
                    [ asked; before; current ]
                    |> List.map (fun c -> MapState(rules, c.State) :> IAuthState)

                let allowed =
                    states |> List.map (fun s -> (rules.Decide(asked.Event, s, asked.Facts)).IsOk)

                match Verdicts.decide rules asked.Event asked.Facts states[0] states[1] states[2] with
                | Verdict.Accepted -> allowed = [ true; true; true ]
                | Verdict.SoftFailed _ -> allowed = [ true; true; false ]
                | Verdict.Rejected _ -> not (allowed[0] && allowed[1]))

    /// All of them.
    let all: Property list = [
        creationIsAllowed
        creatorsAreNotListed
        localHistoryIsAChain
        referencesCarryHashes
        choosingLosesNothing
        refusedEventsAreNotBuiltOn
        verdictFollowsTheChecks
    ]
