/// Hostile histories, given to the room machine. Each ends with decisions, or with drops and their reasons.
module Matrix.Core.Tests.HostileRoomTests

open NUnit.Framework
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.StateRes
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

[<Test>]
let ``An event whose auth chain is too deep to fetch is dropped, and the room goes on`` () =
    let chain = levelsOnLevels "p" "$join" 3_000
    let known = Map [ for e in chain -> e.EventId, e ]

    let machine =
        begun {
            IncomingLimits.Default with
                AuthChain = 100
        }

    let answer (request: PeerRequest) =
        match request.Request with
        | Request.AuthChain _ -> Response.Events [| for e in List.rev chain -> good e |]
        | Request.Events ids -> Response.Events [| for id in ids |> Array.choose known.TryFind -> good id |]
        | _ -> Response.Nothing

    let outcome = tells machine [ arrives (citing "$m" "$p3000") ] answer
    Assert.That(outcome.Dropped |> List.map fst, Does.Contain "$m")
    Assert.That(outcome.Decided.Length, Is.LessThanOrEqualTo 100)
    Assert.That(outcome.Requests.Length, Is.LessThan 500)
    Assert.That(outcome.Reasons, Does.Contain(DropReason.TooMuchMissing 100))
    same (tells machine [ arrives (message "$after" [ "$join" ]) ] silent).Ids [ "$after" ]

[<Test>]
let ``Events among each other's auth events are dropped as circular`` () =
    let machine = begun IncomingLimits.Default

    let outcome =
        tells
            machine
            [
                arrives (levels "$x" [ "$join" ] [ "$create"; "$join"; "$y" ])
                arrives (levels "$y" [ "$join" ] [ "$create"; "$join"; "$x" ])
            ]
            silent

    Assert.That(outcome.Decided, Is.Empty)
    same (Map outcome.Dropped) (Map [ "$x", DropReason.Circular; "$y", DropReason.Circular ])

[<Test>]
let ``A cycle that a peer returns is dropped, with the event that led to it`` () =
    let machine = begun IncomingLimits.Default

    let ring = [|
        for i in 0..4 -> good (levels $"$r{i}" [ "$join" ] [ "$create"; "$join"; $"$r{(i + 1) % 5}" ])
    |]

    let outcome =
        tells machine [ arrives (citing "$m" "$r0") ] (fun request ->
            match request.Request with
            | Request.AuthChain _
            | Request.Events _ -> Response.Events ring
            | _ -> Response.Nothing)

    let dropped = Map outcome.Dropped
    Assert.That(outcome.Decided, Is.Empty)
    Assert.That(dropped.ContainsKey "$m", Is.True)

    for i in 0..4 do
        same dropped[$"$r{i}"] DropReason.Circular

[<Test>]
let ``A fork of three hundred branches is decided, all of them make the state, and it is merged again`` () =
    let machine = begun IncomingLimits.Default

    let branch i =
        if i % 2 = 0 then
            event $"$t{i}" creator "m.room.topic" (Some "") [ "topic", text $"{i}" ] [ "$join" ] [ "$create"; "$join" ]
        else
            levels $"$t{i}" [ "$join" ] [ "$create"; "$join" ]

    let outcome = tells machine [ for i in 1..300 -> arrives (branch i) ] silent
    Assert.That(outcome.Dropped, Is.Empty)
    Assert.That(outcome.Decided |> List.forall _.Verdict.IsAccepted, Is.True)
    Assert.That(machine.Extremities.Length, Is.EqualTo 300)
    Assert.That(machine.CurrentState.Find("m.room.topic", ""), Is.Not.Null)
    Assert.That(machine.CurrentState.Find("m.room.power_levels", ""), Is.Not.Null)

    let merging =
        event "$merge" creator "m.room.message" None [] [ for i in 1..20 -> $"$t{i}" ] [ "$create"; "$join" ]

    same (tells machine [ arrives merging ] silent).Ids [ "$merge" ]
    Assert.That(machine.Extremities.Length, Is.EqualTo 281)

[<Test>]
let ``If states cost too much to resolve, only the event that merges them is dropped`` () =
    let machine =
        begun {
            IncomingLimits.Default with
                SmallResolution = { Events = 10 }
                Resolution = { Events = 20 }
        }

    let branches = levelsOnLevels "a" "$join" 30 @ levelsOnLevels "b" "$join" 30

    let output = tells machine (branches |> List.map arrives) silent
    Assert.That(output.Dropped, Is.Empty)
    Assert.That(output.Decided.Length, Is.EqualTo 60)

    let merging =
        event "$merge" creator "m.room.message" None [] [ "$a30"; "$b30" ] [ "$create"; "$join" ]

    let on =
        event "$on" creator "m.room.message" None [] [ "$b30" ] [ "$create"; "$join"; "$b30" ]

    let outcome = tells machine [ arrives merging; arrives on ] silent
    same outcome.Dropped [ "$merge", DropReason.Unresolvable(ResolutionError.TooManyEvents 20) ]
    same outcome.Ids [ "$on" ]

[<Test>]
let ``Sixty-five forks from before a ban do not lift it`` () =
    let bob = "@b:one"

    let member' id membership sender prev auth =
        event id sender "m.room.member" (Some bob) [ "membership", text membership ] prev auth

    let opening = [
        create
        joined
        levels "$levels" [ "$join" ] [ "$create"; "$join" ]
        event "$rules" creator "m.room.join_rules" (Some "") [ "join_rule", text "public" ] [ "$levels" ] [
            "$create"
            "$join"
            "$levels"
        ]
        member' "$bob" "join" bob [ "$rules" ] [ "$create"; "$levels"; "$rules" ]
    ]

    let ban =
        member' "$ban" "ban" creator [ "$bob" ] [ "$create"; "$join"; "$levels"; "$bob" ]

    // Each fork has a state of its own.
    let fork n =
        event $"$fork{n}" creator "org.example.fork" (Some $"{n}") [] [ "$bob" ] [ "$create"; "$join"; "$levels" ]

    let machine = machineWith IncomingLimits.Default
    let mutable elsewhere = 0

    same (tells machine (List.map arrives (opening @ [ ban ])) silent).Dropped []

    for n in 1..65 do
        let step = machine.TellAlone [| arrives (fork n) |]

        match step.Resolve with
        | null -> ()
        | resolution ->
            elsewhere <- elsewhere + 1
            same step.Decided [||]
            resolution.RunOver RoomFacts
            same (ids (machine.TellAlone [| Input.Resolved resolution |])) [ $"$fork{n}" ]

    same machine.Extremities.Length 66
    // The 65th and the 66th state are too many.
    same elsewhere 2

    same (machine.CurrentState.OfType "org.example.fork").Length 65

    match machine.CurrentState.Find("m.room.member", bob) with
    | null -> Assert.Fail "There is no ban."
    | entry -> same entry.EventId "$ban"

    let said =
        event "$said" bob "m.room.message" None [] [ "$fork65" ] [ "$create"; "$levels"; "$bob" ]

    let step = machine.TellAlone [| arrives said |]
    same step.Decided[0].Known.Status EventStatus.SoftFailed
