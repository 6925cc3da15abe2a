/// The room machine's steps one by one: what it asks for, in which order, and where it stops.
module Matrix.Core.Tests.IncomingTests

open NUnit.Framework
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room
open Matrix.Core.Room.Incoming
open Matrix.Properties.Generators
open Matrix.Properties.Simulation

let version = Versions.v11
let rules = AuthRules version
let creator = "@a:one"

/// An event of a chain, with what it cites.
let event id sender eventType key content (prev: string list) (auth: string list) : Pdu =
    let draft =
        match key with
        | Some key -> Draft.state sender eventType key content
        | None -> Draft.message sender eventType content

    Draft.toPdu version {
        draft with
            Id = id
            Prev = prev
            Auth = auth
            Depth = int64 prev.Length
    }

let create =
    event "$create" creator "m.room.create" (Some "") [ "room_version", text "11" ] [] []

let joined =
    event "$join" creator "m.room.member" (Some creator) [ "membership", text "join" ] [ "$create" ] [ "$create" ]

let message id prev =
    event id creator "m.room.message" None [] prev [ "$create"; "$join" ]

let private signed fate (pdu: Pdu) : ReceivedEvent = {
    Pdu = pdu
    HasRoomId = true
    RequiredSigners = [| "one" |]
    AuthorisingServer = ""
    Signatures = [|
        {
            Signature = {
                Entity = "one"
                KeyId = "ed25519:a"
                Bytes = [||]
            }
            Fate = fate
        }
    |]
    ThirdPartyKeys = [||]
}

let good = signed SignatureFate.Valid

let arrives (pdu: Pdu) : Fact = Fact.Received("two", Ok(good pdu))

let private machineWith limits =
    RoomMachine.Of("here", create.RoomId, rules, Store "here", [||], 1u, limits, Practices.usual)

let private machine () = machineWith IncomingLimits.usual

/// A machine that knows the room's beginning.
let begun limits =
    let machine = machineWith limits
    machine.Tell [| arrives create; arrives joined |] |> ignore
    machine

let drops (step: Step) : DropReason list = [ for struct (_, reason) in step.Dropped -> reason ]
let ids (step: Step) : string list = [ for d in step.Decided -> d.Event.EventId ]

let same (actual: 'a) (expected: 'a) : unit =
    Assert.That(box actual, Is.EqualTo(box expected))

let private rejectedOf (step: Step) =
    step.Decided |> Array.map (fun d -> d.Event.EventId, d.Known.Standing)

[<Test>]
let ``A room begins with its create event`` () =
    let step = (machine ()).Tell [| arrives joined; arrives create |]
    same (ids step) ([ "$create"; "$join" ])

    Assert.That(
        step.Decided
        |> Array.forall (fun d -> d.Verdict.IsAccepted && d.Known.Provenance.IsComputed)
    )

    same ([ for e in step.Decided[1].Extremities -> e.EventId ]) ([ "$join" ])

[<Test>]
let ``What is malformed or of another room is dropped`` () =
    let elsewhere =
        Draft.toPdu version {
            Draft.message creator "m.room.message" [] with
                Room = "!other:one"
        }

    let step =
        (machine ()).Tell [| Fact.Received("two", Error(PduFault.Missing "sender")); arrives elsewhere |]

    same
        (drops step)
        ([
            DropReason.Malformed(PduFault.Missing "sender")
            DropReason.OtherRoom "!other:one"
        ])

[<Test>]
let ``A wrong signature drops an event, and a copy with the right one is taken after all`` () =
    let machine = begun IncomingLimits.usual

    let forged =
        Fact.Received("two", Ok(signed SignatureFate.Invalid (message "$m" [ "$join" ])))

    same (drops (machine.Tell [| forged |])) ([ DropReason.NotSigned "one" ])
    same (ids (machine.Tell [| forged; arrives (message "$m" [ "$join" ]) |])) ([ "$m" ])

[<Test>]
let ``Keys that are not known are asked for, and an event whose keys cannot be had is dropped`` () =
    let machine = begun IncomingLimits.usual
    let unknown = signed SignatureFate.Skipped (message "$m" [ "$join" ])
    let step = machine.Tell [| Fact.Received("two", Ok unknown) |]
    let all = unknown.Signatures |> Array.map _.Signature

    same ([ for a in step.Asks -> a.Peer, a.Question ]) ([ "one", Question.Keys("one", all) ])
    let refused = machine.Tell [| Fact.Answered(step.Asks[0].Number, Answer.Nothing) |]
    same (drops refused) ([ DropReason.NotSigned "one" ])

    let again = machine.Tell [| Fact.Received("two", Ok unknown) |]
    let right = (good unknown.Pdu).Signatures
    same (ids (machine.Tell [| Fact.Answered(again.Asks[0].Number, Answer.Signatures right) |])) ([ "$m" ])

[<Test>]
let ``Missing events are asked of who sent the event, then of others, then the state, and then it is given up`` () =
    let machine = begun IncomingLimits.usual
    let mutable step = machine.Tell [| arrives (message "$m" [ "$gone" ]) |]
    let asked = ResizeArray()

    while step.Asks.Length > 0 do
        asked.Add(step.Asks[0].Peer, step.Asks[0].Question)
        step <- machine.Tell [| Fact.Answered(step.Asks[0].Number, Answer.Nothing) |]

    same
        (List.ofSeq asked)
        ([
            "two", Question.Missing("$m", [| "$join" |], IncomingLimits.usual.Page)
            "one", Question.Events [| "$gone" |]
            "two", Question.StateBefore "$m"
            "one", Question.StateBefore "$m"
        ])

    same (drops step) ([ DropReason.StateUnavailable ])
    Assert.That(machine.Waiting, Is.Zero)

[<Test>]
let ``A state that a peer tells is used, merged and marked, and events after it are marked too`` () =
    let machine = begun IncomingLimits.usual
    let first = machine.Tell [| arrives (message "$m" [ "$gone" ]) |]
    let second = machine.Tell [| Fact.Answered(first.Asks[0].Number, Answer.Nothing) |]
    let third = machine.Tell [| Fact.Answered(second.Asks[0].Number, Answer.Nothing) |]

    let told =
        machine.Tell [|
            Fact.Answered(third.Asks[0].Number, Answer.State([| "$create"; "$join" |], [||]))
        |]

    let after = machine.Tell [| arrives (message "$n" [ "$m" ]) |]

    same (told.Decided[0].ToldBy) ("two")
    same (told.Decided[0].Known.Provenance) (Provenance.OnTrust)
    same (after.Decided[0].Known.Provenance) (Provenance.OnTrust)
    Assert.That(after.Decided[0].ToldBy, Is.Null)

[<Test>]
let ``A state without a create event, or with a key twice, is not taken`` () =
    for state in [ [| "$join" |]; [| "$create"; "$join"; "$again" |] ] do
        let machine = begun IncomingLimits.usual

        let again =
            event "$again" creator "m.room.member" (Some creator) [ "membership", text "join" ] [ "$join" ] [ "$create"; "$join" ]

        machine.Tell [| arrives again |] |> ignore
        let first = machine.Tell [| arrives (message "$m" [ "$gone" ]) |]
        let second = machine.Tell [| Fact.Answered(first.Asks[0].Number, Answer.Nothing) |]
        let third = machine.Tell [| Fact.Answered(second.Asks[0].Number, Answer.Nothing) |]

        let mutable step =
            machine.Tell [| Fact.Answered(third.Asks[0].Number, Answer.State(state, [||])) |]

        while step.Asks.Length > 0 do
            step <- machine.Tell [| Fact.Answered(step.Asks[0].Number, Answer.Nothing) |]

        same (drops step |> List.last) (DropReason.StateUnavailable)

[<Test>]
let ``A missing event that comes by itself makes its question needless`` () =
    let machine = begun IncomingLimits.usual
    let asked = machine.Tell [| arrives (message "$n" [ "$m" ]) |]
    let step = machine.Tell [| arrives (message "$m" [ "$join" ]) |]
    same (ids step) ([ "$m"; "$n" ])
    Assert.That(machine.Outstanding, Is.Empty)

    let late = machine.Tell [| Fact.Answered(asked.Asks[0].Number, Answer.Nothing) |]
    Assert.That(late.Decided.Length + late.Asks.Length + late.Dropped.Length, Is.Zero)

[<Test>]
let ``Auth events that nobody gives drop the event, and nothing else`` () =
    let machine = begun IncomingLimits.usual

    let pdu =
        event "$m" creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; "$gone" ]

    let mutable step = machine.Tell [| arrives pdu |]
    same ([ for a in step.Asks -> a.Question ]) ([ Question.AuthChain "$m" ])

    while step.Asks.Length > 0 do
        step <- machine.Tell [| Fact.Answered(step.Asks[0].Number, Answer.Events [||]) |]

    same (drops step) ([ DropReason.AuthEventUnavailable "$gone" ])
    same (ids (machine.Tell [| arrives (message "$n" [ "$join" ]) |])) ([ "$n" ])

[<Test>]
let ``A rejected event is in the graph, changes no state, and is not built upon; what cites it is rejected`` () =
    let machine = begun IncomingLimits.usual
    let stranger = "@b:one"

    let topic =
        event "$bad" stranger "m.room.topic" (Some "") [] [ "$join" ] [ "$create" ]

    let above = message "$above" [ "$bad" ]

    let citing =
        event "$citing" creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; "$bad" ]

    let step = machine.Tell [| arrives topic; arrives above; arrives citing |]

    same
        (rejectedOf step |> Map.ofArray)
        (Map [
            "$bad", Standing.Rejected
            "$above", Standing.Accepted
            "$citing", Standing.Rejected
        ])

    same ([ for e in machine.Extremities -> e.EventId ]) ([ "$above" ])
    Assert.That(machine.Current.Find("m.room.topic", ""), Is.Null)

[<Test>]
let ``An event that comes after what descends from it closes the gap, though it is rejected`` () =
    let machine = begun IncomingLimits.usual
    let mutable step = machine.Tell [| arrives (message "$above" [ "$bad" ]) |]

    while step.Asks.Length > 0 do
        let answer =
            match step.Asks[0].Question with
            | Question.StateBefore _ -> Answer.State([| "$create"; "$join" |], [||])
            | _ -> Answer.Nothing

        step <- machine.Tell [| Fact.Answered(step.Asks[0].Number, answer) |]

    same ([ for e in machine.Extremities -> e.EventId ]) ([ "$join"; "$above" ])

    let late =
        event "$bad" "@b:one" "m.room.topic" (Some "") [] [ "$join" ] [ "$create" ]

    machine.Tell [| arrives late |] |> ignore
    same ([ for e in machine.Extremities -> e.EventId ]) ([ "$above" ])

[<Test>]
let ``Staging is bounded, for the room and for each peer`` () =
    let limits = {
        IncomingLimits.usual with
            Staged = 3
            StagedOfPeer = 2
    }

    let waits n = message $"$m{n}" [ $"$gone{n}" ]

    let machine = begun limits
    let step = machine.Tell [| for n in 1..3 -> arrives (waits n) |]
    same (drops step) ([ DropReason.StagingFull 2 ])

    let others =
        machine.Tell [| for n in 4..5 -> Fact.Received("three", Ok(good (waits n))) |]

    same (drops others) ([ DropReason.StagingFull 3 ])
    same (machine.Waiting) (3)

[<Test>]
let ``A past without end is walked as far as may be`` () =
    let machine = begun { IncomingLimits.usual with Walk = 50 }
    let mutable step = machine.Tell [| arrives (message "$m0" [ "$m1" ]) |]
    let mutable walked = 0
    let mutable states = 0

    // Every answer is one more event, on top of one that is not known either.
    while step.Asks.Length > 0 do
        let ask = step.Asks[0]

        let answer =
            match ask.Question with
            | Question.Missing(latest, _, _) ->
                walked <- walked + 1
                let n = int (latest.Substring 2)
                Answer.Events [| good (message $"$m{n + 1}" [ $"$m{n + 2}" ]) |]
            | Question.StateBefore _ ->
                states <- states + 1
                Answer.Nothing
            | _ -> Answer.Nothing

        let facts = [| for other in step.Asks -> Fact.Answered(other.Number, answer) |]
        step <- machine.Tell facts

    Assert.That(walked, Is.LessThanOrEqualTo 50)
    Assert.That(states, Is.GreaterThan 0)
    Assert.That(machine.Waiting, Is.Zero)

[<Test>]
let ``Events that wait for themselves are given up`` () =
    let machine = begun IncomingLimits.usual

    let step =
        machine.Tell [| arrives (message "$x" [ "$y" ]); arrives (message "$y" [ "$x" ]) |]

    same (drops step) ([ DropReason.Circular; DropReason.Circular ])
    Assert.That(machine.Waiting, Is.Zero)

[<Test>]
let ``An event costs what is new, however many wait`` () =
    // Every lookup of the history is counted.
    let asked n =
        let lookups = ref 0
        let store = Store "here"

        let history = {
            new IRoomHistory with
                member _.Known id =
                    lookups.Value <- lookups.Value + 1
                    (store :> IRoomHistory).Known id

                member _.Citing id = (store :> IRoomHistory).Citing id
                member _.Following id = (store :> IRoomHistory).Following id
                member _.Servers() = (store :> IRoomHistory).Servers()
        }

        let machine =
            RoomMachine.Of("here", create.RoomId, rules, history, [||], 1u, IncomingLimits.usual, Practices.usual)

        machine.Tell [| arrives create; arrives joined |] |> ignore

        machine.Tell [| for i in 1..n -> arrives (message $"$w{i}" [ $"$gone{i}" ]) |]
        |> ignore

        lookups.Value <- 0
        machine.Tell [| arrives (message "$m" [ "$join" ]) |] |> ignore
        lookups.Value

    same (asked 900) (asked 10)

[<Test>]
let ``What is durable is the history's to answer`` () =
    let machine = machine ()
    let begun = machine.Tell [| arrives create; arrives joined |]
    same (machine.NotDurable) (2)

    machine.Tell [| Fact.Durable [| for d in begun.Decided -> d.Known |] |]
    |> ignore

    Assert.That(machine.NotDurable, Is.Zero)

/// Answers all questions in one way until there are none.
let rec private answering (machine: RoomMachine) (answer: Ask -> Answer) (step: Step) : Step list =
    if step.Asks.Length = 0 then
        [ step ]
    else
        let facts = [| for ask in step.Asks -> Fact.Answered(ask.Number, answer ask) |]
        step :: answering machine answer (machine.Tell facts)

[<Test>]
let ``An outlier that becomes durable late does not undo the decision that followed`` () =
    let machine = begun IncomingLimits.usual

    let topic =
        event "$topic" creator "m.room.topic" (Some "") [] [ "$join" ] [ "$create"; "$join" ]

    let steps =
        machine.Tell [| arrives (message "$m" [ "$gone" ]) |]
        |> answering machine (fun ask ->
            match ask.Question with
            | Question.StateBefore _ -> Answer.State([| "$create"; "$join"; "$topic" |], [||])
            | Question.Events [| "$topic" |] -> Answer.Events [| good topic |]
            | _ -> Answer.Nothing)

    let outlier =
        steps |> Seq.collect _.Decided |> Seq.find (fun d -> d.Event.EventId = "$topic")

    Assert.That(outlier.Known.IsOutlier)
    machine.Tell [| arrives topic |] |> ignore
    machine.Tell [| Fact.Durable [| outlier.Known |] |] |> ignore

    match machine.Known "$topic" with
    | null -> Assert.Fail "It is forgotten."
    | known -> Assert.That(known.IsOutlier, Is.False)

[<Test>]
let ``A copy whose keys were not known when it came is looked at with the keys that are known now`` () =
    let machine = begun IncomingLimits.usual

    let copy bytes =
        let unknown = signed SignatureFate.Skipped (message "$m" [ "$join" ])

        {
            unknown with
                Signatures = [|
                    for s in unknown.Signatures ->
                        {
                            s with
                                Signature = { s.Signature with Bytes = bytes }
                        }
                |]
        }

    let fateOf (signature: Signature) =
        if signature.Bytes = [| 1uy |] then
            SignatureFate.Valid
        else
            SignatureFate.Invalid

    let steps =
        machine.Tell [|
            Fact.Received("two", Ok(copy [| 0uy |]))
            Fact.Received("three", Ok(copy [| 1uy |]))
        |]
        |> answering machine (fun ask ->
            match ask.Question with
            | Question.Keys(_, signatures) ->
                Answer.Signatures(signatures |> Array.map (fun s -> { Signature = s; Fate = fateOf s }))
            | _ -> Answer.Nothing)

    same (steps |> List.collect ids) ([ "$m" ])
    same (steps |> List.collect drops) ([])

[<Test>]
let ``A copy that says it is of another room is not taken in the place of the event`` () =
    let machine = begun IncomingLimits.usual
    let original = message "$m" [ "$join" ]

    let elsewhere =
        Draft.toPdu version {
            Draft.message creator "m.room.message" [] with
                Id = "$m"
                Room = "!other:one"
                Prev = [ "$join" ]
                Auth = [ "$create"; "$join" ]
        }

    let step =
        machine.Tell [|
            Fact.Received("two", Ok(signed SignatureFate.Invalid original))
            Fact.Received("two", Ok(good elsewhere))
        |]

    same (ids step) ([])
    same (drops step) ([ DropReason.NotSigned "one" ])

[<Test>]
let ``An event that cites itself is dropped at once, whatever else is waited for`` () =
    let machine = begun IncomingLimits.usual
    let waits = machine.Tell [| arrives (message "$n" [ "$gone" ]) |]
    same (waits.Asks.Length) (1)

    let after = message "$x" [ "$join"; "$x" ]

    let vouched =
        event "$y" creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; "$y" ]

    let step = machine.Tell [| arrives after; arrives vouched |]
    same (drops step) ([ DropReason.Circular; DropReason.Circular ])
    same (machine.Waiting) (1)

[<Test>]
let ``An event that cites an event of another room is rejected`` () =
    let machine = begun IncomingLimits.usual

    let foreign =
        Draft.toPdu version {
            Draft.state creator "m.room.power_levels" "" [] with
                Id = "$foreign"
                Room = "!other:one"
        }

    let citing =
        event "$m" creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; "$foreign" ]

    let steps fate =
        machine.Tell [| arrives citing |]
        |> answering machine (fun ask ->
            match ask.Question with
            | Question.AuthChain _ -> Answer.Events [| signed fate foreign; good create; good joined |]
            | _ -> Answer.Nothing)

    // Of what its server did not sign nobody knows the room.
    let unsigned = steps SignatureFate.Invalid |> List.collect drops
    Assert.That(unsigned, Does.Contain(DropReason.OtherRoom "!other:one"))
    same (List.last unsigned) (DropReason.AuthEventUnavailable "$foreign")

    match steps SignatureFate.Valid |> List.collect (fun s -> List.ofArray s.Decided) with
    | [ { Verdict = Verdict.Rejected failure } ] -> same (failure.Clause) ("auth-events.elsewhere")
    | other -> Assert.Fail $"%A{other}"

[<Test>]
let ``States that peers tell are looked through few at a time`` () =
    let machine = begun { IncomingLimits.usual with States = 2 }
    let mutable most = 0

    let steps =
        machine.Tell [| for n in 1..7 -> arrives (message $"$m{n}" [ $"$gone{n}" ]) |]
        |> answering machine (fun ask ->
            most <-
                machine.Outstanding
                |> Seq.filter (fun a -> a.Question.IsStateBefore)
                |> Seq.length
                |> max most

            match ask.Question with
            | Question.StateBefore "$m3" -> Answer.Nothing
            | Question.StateBefore _ -> Answer.State([| "$create"; "$join" |], [||])
            | _ -> Answer.Nothing)

    same most 2
    Assert.That(steps |> List.collect ids, Is.EquivalentTo [ for n in [ 1; 2; 4; 5; 6; 7 ] -> $"$m{n}" ])
    same (steps |> List.collect drops) ([ DropReason.StateUnavailable ])
    same (machine.Waiting) (0)

[<TestCase "itself">]
[<TestCase "what rests on it">]
let ``A peer that tells a state with the event in it does not keep others from telling theirs`` (lie: string) =
    let machine = begun IncomingLimits.usual

    let above =
        event "$above" creator "m.room.topic" (Some "") [] [ "$m" ] [ "$create"; "$join"; "$m" ]

    let after = message "$m" [ "$gone" ]

    let steps =
        machine.Tell [| arrives after |]
        |> answering machine (fun ask ->
            match ask.Question, ask.Peer with
            | Question.StateBefore _, "two" when lie = "itself" -> Answer.State([| "$create"; "$join"; "$m" |], [||])
            | Question.StateBefore _, "two" -> Answer.State([| "$create"; "$join"; "$above" |], [||])
            | Question.StateBefore _, _ -> Answer.State([| "$create"; "$join" |], [||])
            | Question.Events [| "$above" |], _ -> Answer.Events [| good above |]
            | _ -> Answer.Nothing)

    let decided =
        steps |> Seq.collect _.Decided |> Seq.find (fun d -> d.Event.EventId = "$m")

    same (decided.ToldBy) ("one")
    Assert.That(decided.Verdict.IsAccepted)

[<Test>]
let ``A peer is not told of more extremities than make the current state`` () =
    let machine =
        begun {
            IncomingLimits.usual with
                Extremities = 3
        }

    machine.Tell [| for n in 1..9 -> arrives (message $"$m{n}" [ "$join" ]) |]
    |> ignore

    let step = machine.Tell [| arrives (message "$n" [ "$gone" ]) |]

    match step.Asks[0].Question with
    | Question.Missing(_, earliest, _) -> same earliest [| "$m9"; "$m8"; "$m7" |]
    | other -> Assert.Fail $"%A{other}"
