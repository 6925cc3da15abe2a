/// States that peers tell the room machine: what it takes, what it does not, and what they may cost.
module Matrix.Core.Tests.IncomingStatesTests

open System
open NUnit.Framework
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Properties.Generators
open Matrix.Core.Tests.IncomingRoom

/// Peers who tell the state at the room's beginning, and have nothing else.
let private begunWith (ask: Ask) =
    match ask.Question with
    | Question.StateBefore _ -> Answer.State([| "$create"; "$join" |], [||])
    | _ -> Answer.Nothing

[<Test>]
let ``A state that a peer tells is used, merged and marked, and events after it are marked too`` () =
    let machine = begun IncomingLimits.usual
    let told = tells machine [ arrives (message "$m" [ "$gone" ]) ] begunWith
    let after = machine.Tell [| arrives (message "$n" [ "$m" ]) |]

    same told.Decided[0].ToldBy "two"
    same told.Decided[0].Known.Provenance Provenance.OnTrust
    same after.Decided[0].Known.Provenance Provenance.OnTrust
    Assert.That(after.Decided[0].ToldBy, Is.Null)

[<Test>]
let ``A state without a create event, or with a key twice, is not taken`` () =
    for state in [ [| "$join" |]; [| "$create"; "$join"; "$again" |] ] do
        let machine = begun IncomingLimits.usual

        let again =
            event "$again" creator "m.room.member" (Some creator) [ "membership", text "join" ] [ "$join" ] [ "$create"; "$join" ]

        machine.Tell [| arrives again |] |> ignore

        let outcome =
            tells machine [ arrives (message "$m" [ "$gone" ]) ] (fun ask ->
                match ask.Question with
                | Question.StateBefore _ -> Answer.State(state, [||])
                | _ -> Answer.Nothing)

        same outcome.Reasons [ DropReason.StateUnavailable ]

[<Test>]
let ``An outlier that becomes durable late does not undo the decision that followed`` () =
    let machine = begun IncomingLimits.usual

    let topic =
        event "$topic" creator "m.room.topic" (Some "") [] [ "$join" ] [ "$create"; "$join" ]

    let outcome =
        tells machine [ arrives (message "$m" [ "$gone" ]) ] (fun ask ->
            match ask.Question with
            | Question.StateBefore _ -> Answer.State([| "$create"; "$join"; "$topic" |], [||])
            | Question.Events [| "$topic" |] -> Answer.Events [| good topic |]
            | _ -> Answer.Nothing)

    let outlier = outcome.Decided |> List.find (fun d -> d.Event.EventId = "$topic")

    Assert.That(outlier.Known.IsOutlier)
    machine.Tell [| arrives topic |] |> ignore
    machine.Tell [| Fact.Durable [| outlier.Known |] |] |> ignore

    match machine.Known "$topic" with
    | null -> Assert.Fail "It is forgotten."
    | known -> Assert.That(known.IsOutlier, Is.False)

[<Test>]
let ``States that peers tell are looked through few at a time`` () =
    let machine = begun { IncomingLimits.usual with States = 2 }
    let mutable most = 0

    let facts = [ for n in 1..7 -> arrives (message $"$m{n}" [ $"$gone{n}" ]) ]

    let outcome =
        tells machine facts (fun ask ->
            most <-
                machine.Outstanding
                |> Seq.filter (fun a -> a.Question.IsStateBefore)
                |> Seq.length
                |> max most

            match ask.Question with
            | Question.StateBefore "$m3" -> Answer.Nothing
            | _ -> begunWith ask)

    same most 2
    Assert.That(outcome.Ids, Is.EquivalentTo [ for n in [ 1; 2; 4; 5; 6; 7 ] -> $"$m{n}" ])
    same outcome.Dropped [ "$m3", DropReason.StateUnavailable ]

[<TestCase "itself">]
[<TestCase "what rests on it">]
let ``A peer that tells a state with the event in it does not keep others from telling theirs`` (lie: string) =
    let machine = begun IncomingLimits.usual

    let above =
        event "$above" creator "m.room.topic" (Some "") [] [ "$m" ] [ "$create"; "$join"; "$m" ]

    let after = message "$m" [ "$gone" ]

    let outcome =
        tells machine [ arrives after ] (fun ask ->
            match ask.Question, ask.Peer with
            | Question.StateBefore _, "two" when lie = "itself" -> Answer.State([| "$create"; "$join"; "$m" |], [||])
            | Question.StateBefore _, "two" -> Answer.State([| "$create"; "$join"; "$above" |], [||])
            | Question.Events [| "$above" |], _ -> Answer.Events [| good above |]
            | _ -> begunWith ask)

    let decided = outcome.Decided |> List.find (fun d -> d.Event.EventId = "$m")

    same (decided.ToldBy) ("one")
    Assert.That(decided.Verdict.IsAccepted)

/// Tells the machine facts, and answers what it asks, as long as there is an answer.
let rec private answered (machine: RoomMachine) (answer: Ask -> Answer option) (facts: Fact list) : unit =
    if not facts.IsEmpty then
        [
            for ask in (machine.Tell(Array.ofList facts)).Asks do
                match answer ask with
                | Some answer -> Fact.Answered(ask.Number, answer)
                | None -> ()
        ]
        |> answered machine answer

[<Test>]
let ``Every event gets its turn to ask for a state, though another found meanwhile that it needs none`` () =
    let machine = begun { IncomingLimits.usual with States = 1 }

    let noStates (ask: Ask) =
        if ask.Question.IsStateBefore then
            None
        else
            Some Answer.Nothing

    answered machine noStates [ arrives (message "$holds" [ "$gone1" ]) ]
    answered machine noStates [ arrives (message "$a" [ "$below" ]) ]
    answered machine noStates [ arrives (message "$b" [ "$gone2" ]) ]
    // What the second in the line waits for, and has not to ask for.
    answered machine noStates [ arrives (message "$below" [ "$gone3" ]) ]

    let outcome =
        tells machine [ for ask in machine.Outstanding -> Fact.Answered(ask.Number, begunWith ask) ] begunWith

    same outcome.Dropped []
    Assert.That(outcome.Ids, Is.EquivalentTo [ "$holds"; "$a"; "$b"; "$below" ])

[<Test>]
let ``An event that waits with the state that it was told keeps the others waiting for theirs`` () =
    let machine = begun { IncomingLimits.usual with States = 1 }

    let first =
        event "$m" creator "m.room.message" None [] [ "$gone1" ] [ "$create"; "$join"; "$late" ]

    answered
        machine
        (fun ask ->
            match ask.Question with
            | Question.AuthChain _ -> None
            | _ -> Some(begunWith ask))
        [ arrives first; arrives (message "$n" [ "$gone2" ]) ]

    same [ for ask in machine.Outstanding -> ask.Question ] [ Question.AuthChain "$m" ]

    let late = levels "$late" [ "$join" ] [ "$create"; "$join" ]
    let chain = Answer.Events [| good late |]
    same (tells machine [ Fact.Answered(machine.Outstanding[0].Number, chain) ] begunWith).Ids [ "$late"; "$m"; "$n" ]

[<Test>]
let ``An event that waits with its state for one that needs a state lets it ask`` () =
    let machine = begun { IncomingLimits.usual with States = 1 }

    let above =
        event "$m" creator "m.room.message" None [] [ "$gone1" ] [ "$create"; "$join"; "$levels" ]

    let below = levels "$levels" [ "$gone2" ] [ "$create"; "$join" ]
    let outcome = tells machine [ arrives above; arrives below ] begunWith
    same outcome.Ids [ "$levels"; "$m" ]

// The newest comes first and has its state, and waits for the one below, which needs a state too: one peer, and the whole of a line.
[<TestCase(1, 3)>]
[<TestCase(4, 12)>]
let ``A line of events that each need a state, told from its end, is decided from its beginning`` (places: int, length: int) =
    let machine =
        begun {
            IncomingLimits.usual with
                States = places
        }

    let line = [
        for n in length .. -1 .. 1 ->
            message $"$m{n}" [
                $"$gone{n}"
                if n > 1 then
                    $"$m{n - 1}"
            ]
    ]

    let outcome = tells machine (List.map arrives line) begunWith
    same outcome.Dropped []
    same outcome.Ids [ for n in 1..length -> $"$m{n}" ]

// More than is fetched, and less.
[<TestCase 30_000>]
[<TestCase 15_000>]
let ``What a peer told is forgotten before the next is asked`` (size: int) =
    let machine = begun IncomingLimits.usual
    let before = GC.GetTotalMemory true

    // "two" tells of events that never were, and has none of them. "one" says nothing, and is waited for.
    answered
        machine
        (fun ask ->
            match ask.Question, ask.Peer with
            | Question.StateBefore _, "one" -> None
            | Question.StateBefore id, _ -> Some(Answer.State([| for n in 1..size -> $"$made-up-{n}-before-{id}" |], [||]))
            | _ -> Some Answer.Nothing)
        [ for n in 1..20 -> arrives (message $"$m{n}" [ $"$gone{n}" ]) ]

    let bytes = GC.GetTotalMemory true - before
    same machine.Waiting 20
    Assert.That(bytes, Is.LessThan 4_000_000L)
    GC.KeepAlive machine

[<Test>]
let ``A peer that makes up states is asked for no more of their events than may be, for one event that came`` () =
    let machine =
        begun {
            IncomingLimits.usual with
                AuthChain = 100
        }

    let outcome =
        tells machine [ arrives (message "$m" [ for n in 1..10 -> $"$w{n}" ]) ] (fun ask ->
            match ask.Question, ask.Peer with
            | Question.Missing("$m", _, _), _ -> Answer.Events [| for n in 1..10 -> good (message $"$w{n}" [ $"$gone{n}" ]) |]
            | Question.StateBefore id, "two" -> Answer.State([| for n in 1..15 -> $"$made-up-{n}-before-{id}" |], [||])
            | _ -> begunWith ask)

    let asked =
        outcome.Asks
        |> Seq.sumBy (fun ask ->
            match ask.Question with
            | Question.Events ids -> ids |> Seq.filter _.StartsWith("$made-up") |> Seq.length
            | _ -> 0)

    Assert.That(asked, Is.InRange(1, 100))
    same outcome.Ids.Length 11

[<Test>]
let ``A state that a peer told is looked through once, however many of its events come`` () =
    let history, lookups = counted (Matrix.Properties.Simulation.Store "here")
    let machine = machineOver history IncomingLimits.usual
    machine.Tell [| arrives create; arrives joined |] |> ignore

    let entries =
        Map [
            for n in 1..200 ->
                $"$s{n}", event $"$s{n}" creator "org.example.entry" (Some $"{n}") [] [ "$join" ] [ "$create"; "$join" ]
        ]

    let state = [| "$create"; "$join"; yield! entries.Keys |]
    let chain = [| for n in 1..5_000 -> $"$made-up-{n}" |]
    lookups.Value <- 0

    let outcome =
        tells machine [ arrives (message "$m" [ "$gone" ]) ] (fun ask ->
            match ask.Question with
            | Question.StateBefore _ -> Answer.State(state, chain)
            | Question.Events ids -> Answer.Events [| for e in ids |> Array.choose entries.TryFind -> good e |]
            | _ -> Answer.Nothing)

    same outcome.Ids.Length 201
    Assert.That(lookups.Value, Is.LessThan 20_000)
