/// Histories that somebody made to hurt, as the room machine hears of them. Each ends: in decisions, or in drops that say why.
module Matrix.Core.Tests.HostileRoomTests

open NUnit.Framework
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Core.Tests.IncomingTests

/// Tells the machine facts, and answers all that it asks until it asks no more: all that was decided and dropped, and how many questions that took.
let private tells (machine: RoomMachine) (facts: Fact list) (answer: Question -> Answer) =
    let decided = ResizeArray<Decided>()
    let dropped = ResizeArray<struct (string * DropReason)>()
    let mutable questions = 0
    let mutable next = Array.ofList facts

    while next.Length > 0 do
        let step = machine.Tell next
        decided.AddRange step.Decided
        dropped.AddRange step.Dropped
        questions <- questions + step.Asks.Length
        Assert.That(questions, Is.LessThan 5_000, "it asks without end")

        next <-
            step.Asks
            |> Array.map (fun ask -> Fact.Answered(ask.Number, answer ask.Question))

    Assert.That(machine.Waiting, Is.Zero, "something waits for ever")
    Assert.That(machine.Outstanding, Is.Empty)
    List.ofSeq decided, Map [ for struct (id, reason) in dropped -> id, reason ], questions

let private levels id prev auth =
    event id creator "m.room.power_levels" (Some "") [ "users", nested [ creator, number 100 ] ] prev auth

/// A line of power levels events, each on the one before: the first cites the second, and so on down.
let private line (name: string) (first: string) (length: int) : Pdu list = [
    for i in 1..length ->
        let below = if i = 1 then first else $"${name}{i - 1}"

        levels $"${name}{i}" [ below ] [
            "$create"
            "$join"
            if i > 1 then
                below
        ]
]

[<Test>]
let ``An auth chain that is deeper than is fetched drops the event, and the room goes on`` () =
    let chain = line "p" "$join" 3_000
    let known = Map [ for e in chain -> e.EventId, e ]

    let machine =
        begun {
            IncomingLimits.usual with
                AuthChain = 100
        }

    let deep =
        event "$m" creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; "$p3000" ]

    let answer question =
        match question with
        | Question.AuthChain _ -> Answer.Events [| for e in List.rev chain -> good e |]
        | Question.Events ids -> Answer.Events [| for id in ids |> Array.choose known.TryFind -> good id |]
        | _ -> Answer.Nothing

    let decided, dropped, questions = tells machine [ arrives deep ] answer
    Assert.That(dropped.ContainsKey "$m", Is.True)
    Assert.That(decided.Length, Is.LessThanOrEqualTo 100)
    Assert.That(questions, Is.LessThan 500)
    Assert.That(dropped.Values |> Seq.exists ((=) (DropReason.TooMuchMissing 100)), Is.True)

    let after, _, _ =
        tells machine [ arrives (message "$after" [ "$join" ]) ] (fun _ -> Answer.Nothing)

    same (after |> List.map _.Event.EventId) [ "$after" ]

[<Test>]
let ``Events that cite each other as auth events are dropped as a circle`` () =
    let machine = begun IncomingLimits.usual

    let decided, dropped, _ =
        tells
            machine
            [
                arrives (levels "$x" [ "$join" ] [ "$create"; "$join"; "$y" ])
                arrives (levels "$y" [ "$join" ] [ "$create"; "$join"; "$x" ])
            ]
            (fun _ -> Answer.Nothing)

    Assert.That(decided, Is.Empty)
    same dropped (Map [ "$x", DropReason.Circular; "$y", DropReason.Circular ])

[<Test>]
let ``A circle that a peer answers with is dropped, and the event that led to it`` () =
    let machine = begun IncomingLimits.usual

    let ring = [|
        for i in 0..4 -> good (levels $"$r{i}" [ "$join" ] [ "$create"; "$join"; $"$r{(i + 1) % 5}" ])
    |]

    let citing =
        event "$m" creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; "$r0" ]

    let decided, dropped, _ =
        tells machine [ arrives citing ] (function
            | Question.AuthChain _
            | Question.Events _ -> Answer.Events ring
            | _ -> Answer.Nothing)

    Assert.That(decided, Is.Empty)
    Assert.That(dropped.ContainsKey "$m", Is.True)

    for i in 0..4 do
        same dropped[$"$r{i}"] DropReason.Circular

[<Test>]
let ``An event that names itself is dropped as a circle`` () =
    let machine = begun IncomingLimits.usual

    let decided, dropped, _ =
        tells
            machine
            [
                arrives (levels "$auth" [ "$join" ] [ "$create"; "$join"; "$auth" ])
                arrives (message "$prev" [ "$prev" ])
            ]
            (fun _ -> Answer.Nothing)

    Assert.That(decided, Is.Empty)
    same dropped (Map [ "$auth", DropReason.Circular; "$prev", DropReason.Circular ])

[<Test>]
let ``A fork of a thousand branches is decided, and merged again`` () =
    let machine = begun IncomingLimits.usual

    let branch i =
        if i % 2 = 0 then
            event $"$t{i}" creator "m.room.topic" (Some "") [ "topic", text $"{i}" ] [ "$join" ] [ "$create"; "$join" ]
        else
            levels $"$t{i}" [ "$join" ] [ "$create"; "$join" ]

    let decided, dropped, _ =
        tells machine [ for i in 1..1_000 -> arrives (branch i) ] (fun _ -> Answer.Nothing)

    Assert.That(dropped, Is.Empty)
    Assert.That(decided |> List.forall _.Verdict.IsAccepted, Is.True)
    Assert.That(machine.Extremities.Length, Is.EqualTo 1_000)
    Assert.That(machine.Current.Find("m.room.topic", ""), Is.Not.Null)
    Assert.That(machine.Current.Find("m.room.power_levels", ""), Is.Not.Null)

    let merging =
        event "$merge" creator "m.room.message" None [] [ for i in 1..20 -> $"$t{i}" ] [ "$create"; "$join" ]

    let merged, _, _ = tells machine [ arrives merging ] (fun _ -> Answer.Nothing)
    same (merged |> List.map _.Event.EventId) [ "$merge" ]
    Assert.That(machine.Extremities.Length, Is.EqualTo 981)

[<Test>]
let ``States that cost too much to resolve drop the event that merges them, and nothing else`` () =
    let machine =
        begun {
            IncomingLimits.usual with
                Resolution = { Events = 20 }
        }

    let branches = line "a" "$join" 30 @ line "b" "$join" 30

    let decided, dropped, _ =
        tells machine (branches |> List.map arrives) (fun _ -> Answer.Nothing)

    Assert.That(dropped, Is.Empty)
    Assert.That(decided.Length, Is.EqualTo 60)

    let merging =
        event "$merge" creator "m.room.message" None [] [ "$a30"; "$b30" ] [ "$create"; "$join" ]

    let on =
        event "$on" creator "m.room.message" None [] [ "$b30" ] [ "$create"; "$join"; "$b30" ]

    let after, dropped, _ =
        tells machine [ arrives merging; arrives on ] (fun _ -> Answer.Nothing)

    same dropped (Map [ "$merge", DropReason.Unresolvable(ResolutionError.TooManyEvents 20) ])
    same (after |> List.map _.Event.EventId) [ "$on" ]
