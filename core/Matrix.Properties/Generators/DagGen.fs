/// Rooms whose history forks and merges, with forbidden events among them. Servers receive the events in any order.
[<RequireQualifiedAccess>]
module Matrix.Properties.Generators.DagGen

open FsCheck
open FsCheck.FSharp
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.StateRes

/// One attempt: what is sent, and after which events. Numbers are taken modulo the number of choices.
type Step = {
    Try: ForkGen.Attempt
    /// Positions, counted from the newest event back.
    After: int list
    /// Whether its auth events are selected from the state at another position.
    CitesElsewhere: bool
}

let private step: Gen<Step> =
    gen {
        let! attempt = ForkGen.attempt

        let! count =
            Gen.frequency [ 5, Gen.constant 1; 3, Gen.constant 2; 1, Gen.constant 3 ]

        let! after =
            Gen.listOfLength count (Gen.frequency [ 3, Gen.constant 0; 4, Gen.choose (0, 7) ])

        let! elsewhere = Gen.frequency [ 9, Gen.constant false; 1, Gen.constant true ]

        return {
            Try = attempt
            After = after
            CitesElsewhere = elsewhere
        }
    }

/// The steps of one room.
let steps: Gen<Step list> =
    Gen.sized (fun size ->
        gen {
            let! count = Gen.choose (0, min 18 (5 + size))
            return! Gen.listOfLength count step
        })

/// Shorter histories.
let shrink (steps: Step list) : seq<Step list> =
    seq {
        for i in 0 .. steps.Length - 1 do
            yield List.removeAt i steps
    }

let private replay rules events =
    match Replay.Run(rules, events, ResolutionLimits.Usual) with
    | Ok replay -> replay
    | Error error -> failwith $"%A{error}"

/// The room's events, each after those that it names; refused ones are included.
let play (version: RoomVersion) (steps: Step list) : Pdu[] =
    let rules = AuthRules version
    let opening = ForkGen.play version []

    let start =
        opening.Order |> List.map (fun id -> opening.Graph.Events[id]) |> Array.ofList

    (start, steps)
    ||> List.fold (fun events step ->
        let room = replay rules events

        let back n =
            events[events.Length - 1 - n % events.Length].EventId

        let prev = step.After |> List.map back |> List.distinct

        let stateBefore ids =
            match room.StateBefore ids with
            | Error error -> failwith $"%A{error}"
            | Ok tree ->
                Map [
                    for entry in tree.Entries() do
                        match room.Graph.Find entry.EventId with
                        | null -> ()
                        | event -> (entry.Type, entry.StateKey), event.Event.Pdu
                ]

        let before = stateBefore (Array.ofList prev)

        let depth =
            prev
            |> List.map (fun id -> (events |> Array.find (fun e -> e.EventId = id)).Depth)
            |> List.max

        let draft = {
            ForkGen.draftOf before step.Try with
                Id = $"${(events.Length * 7919) % 10007}m"
                Room = start[0].RoomId
                Prev = prev
                Depth = depth + 1L
                Time = int64 step.Try.Time
        }

        let citing =
            if step.CitesElsewhere then
                stateBefore [| back step.Try.Branch |]
            else
                before

        let cited = AuthCase.selected rules (Draft.toPdu version draft) citing

        Array.append events [|
            Draft.toPdu version {
                draft with
                    Auth = cited |> List.map _.EventId
            }
        |])

/// The same events in another order, by a seed. The shuffle is the same on every machine.
let shuffled (seed: int) (events: Pdu[]) : Pdu[] =
    let shuffled = Array.copy events
    let mutable state = uint32 seed * 2654435761u + 1u

    for i in shuffled.Length - 1 .. -1 .. 1 do
        state <- state * 1664525u + 1013904223u
        let j = int (state >>> 8) % (i + 1)
        let kept = shuffled[i]
        shuffled[i] <- shuffled[j]
        shuffled[j] <- kept

    shuffled
