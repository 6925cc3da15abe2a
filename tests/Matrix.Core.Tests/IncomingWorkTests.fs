/// The work of one call is bounded, so that a long catching up does not hold the room.
module Matrix.Core.Tests.IncomingWorkTests

open Expecto
open Matrix.Testing
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Properties.Generators
open Matrix.Properties.Simulation
open Matrix.Core.Tests.IncomingRoom

let private limits = {
    IncomingLimits.Default with
        Work = 10
}

/// Messages in a row, as they come in a transaction.
let private chain (name: string) (length: int) : Input[] = [|
    for n in 1..length -> arrives (message $"${name}{n}" [ (if n = 1 then "$join" else $"${name}{n - 1}") ])
|]

let private named (name: string) (range: int seq) : string list = [ for n in range -> $"${name}{n}" ]

/// One call.
let private once (machine: RoomMachine) (inputs: Input[]) : Output =
    machine.ReceiveOnceOver(LookUpResults, inputs)

let tests =
    testList "IncomingWorkTests" [
        test "What is beyond the work of a call is decided in further calls, in order" {
            let machine = begun limits
            let first = once machine (chain "m" 25)
            same (ids first) (named "m" [ 1..10 ])
            Expect.isTrue first.HasMore "has more"
            same machine.Waiting 15
            let second = once machine [||]
            same (ids second) (named "m" [ 11..20 ])
            Expect.isTrue second.HasMore "has more"
            let third = once machine [||]
            same (ids third) (named "m" [ 21..25 ])
            Expect.isFalse third.HasMore "has more"
            same machine.Waiting 0
        }

        test "Between two calls an event of this server is adopted" {
            let machine = begun limits
            once machine (chain "m" 25) |> ignore
            let prepared = machine.Prepare()
            same [ for e in machine.Extremities -> e.EventId ] [ "$m10" ]

            let own =
                Draft.toPdu version {
                    Draft.message creator "m.room.message" [] with
                        Id = "$own"
                        Prev = List.ofArray prepared.PreviousIds
                        Auth = [ "$create"; "$join" ]
                        Depth = prepared.Depth
                }
                |> AuthRules(version).Read

            Expect.isNotNull (machine.Adopt(prepared, own, 2)).Decided "decided"
            let left = machine.ReceiveOver(LookUpResults, [||])
            same (ids left) (named "m" [ 11..25 ])
            same (Set.ofSeq [ for e in machine.Extremities -> e.EventId ]) (Set.ofList [ "$own"; "$m25" ])
        }

        test "An event for whose decision a peer waits is decided in its call" {
            let machine = begun limits
            once machine (chain "m" 25) |> ignore

            let step =
                once machine [| Input.Decide("two", good (message "$urgent" [ "$m25" ])) |]

            Expect.contains (ids step) "$urgent" "ids"
            Expect.isFalse step.HasMore "has more"
        }

        test "Resolved states count more than a decision" {
            let machine = begun limits

            // Two branches: the second one's levels differ, so that each of its state events resolves the current
            // state.
            let first = levels "$first" [ "$join" ] [ "$create"; "$join" ]

            let topics = [|
                for n in 1..5 ->
                    event $"$topic{n}" creator "m.room.topic" (Some "") [ "topic", text $"{n}" ] [
                        (if n = 1 then "$join" else $"$topic{n - 1}")
                    ] [ "$create"; "$join" ]
                    |> arrives
            |]

            once machine [| arrives first |] |> ignore
            let step = once machine topics
            Expect.equal step.Decided.Length 1 "number of decided"
            Expect.isTrue step.HasMore "has more"
            same (ids (machine.ReceiveOver(LookUpResults, [||]))) (named "topic" [ 2..5 ])
        }

        test "Decisions that were taken back are made again within the bound" {
            let machine = begun limits
            machine.Durable 2L
            let first = once machine (chain "m" 25)
            machine.Failed first.Decided[0].Number |> ignore
            let again = once machine [||]
            Expect.isTrue again.LookUps.IsEmpty "look ups"
            same (ids again) (named "m" [ 1..10 ])
            Expect.isTrue again.HasMore "has more"
        }

        test "A copy that comes for an event beyond the work of a call is decided by what it names itself" {
            let machine = begun limits

            let damaged = {
                good (message "$e" [ "$m10" ]) with
                    HashHolds = false
            }

            let first = once machine [| yield! chain "m" 10; Input.Received("one", damaged) |]
            same (ids first) (named "m" [ 1..10 ])
            Expect.isTrue first.HasMore "has more"

            // Where servers choose event ids, it may have another place in the order, and name what is not here.
            let copy = message "$e" [ "$unknown"; "$m10" ]
            let second = once machine [| Input.Received("one", good copy) |]
            same (ids second) []
            same machine.Waiting 1
            Expect.isNonEmpty second.Requests "requests"
        }

        test "An event for whose decision a peer waits does not take the bound from others" {
            let machine = begun limits
            once machine (chain "m" 40) |> ignore

            // It waits for the sixth event of another branch.
            let branch = chain "n" 6
            let urgent = Input.Decide("two", good (message "$urgent" [ "$n6" ]))
            let step = once machine (Array.append branch [| urgent |])
            Expect.containsAll (ids step) (named "n" [ 1..6 ] @ [ "$urgent" ]) "ids"
            Expect.isLessThanOrEqual step.Decided.Length 17 "number of decided"
            Expect.isTrue step.HasMore "has more"
        }

        test "An event that cannot be decided now does not take the bound away" {
            let machine = begun limits
            once machine (chain "m" 40) |> ignore

            let step =
                once machine [| Input.Decide("two", good (message "$urgent" [ "$m40"; "$unknown" ])) |]

            same (ids step) (named "m" [ 11..20 ])
            same [ for struct (id, reason) in step.Dropped -> id, reason ] [ "$urgent", DropReason.MustNotWait ]
            Expect.isTrue step.HasMore "has more"
            same (ids (machine.ReceiveOver(LookUpResults, [||]))) (named "m" [ 21..40 ])
        }

        test "Events that wait for their turn make no room for others" {
            let machine = begun { limits with Staged = 20; Work = 1 }

            once machine (chain "m" 20) |> ignore
            same machine.Waiting 19

            // The first of another peer has space anyway. For the second, one of them is decided, which is the call's
            // work.
            let lacking n =
                Input.Received("two", good (message $"$lacking{n}" [ $"$gone{n}" ]))

            let step = once machine [| lacking 1; lacking 2 |]
            same step.Dropped [||]
            same (ids step) [ "$m2" ]
            let left = machine.ReceiveOver(LookUpResults, [||])
            same (ids left) (named "m" [ 3..20 ])
            same left.Dropped [||]
        }

        test "If there is no space, an event that lacks others makes room, and none that waits for its turn" {
            let machine =
                begun {
                    limits with
                        StagedBytes = 60_000
                        Work = 1
                }

            /// An event of some 4,000 bytes that lacks its previous event.
            let lacking (peer: string) (id: string) =
                let small = message id [ $"$gone-{id}" ]

                let large =
                    Pdu(
                        small.RoomVersion,
                        id,
                        small.RoomId,
                        small.Sender,
                        small.Type,
                        null,
                        small.OriginServerTs,
                        small.Depth,
                        small.Content,
                        small.PrevEvents,
                        small.AuthEvents,
                        null,
                        Array.zeroCreate 3_000
                    )

                Input.Received(peer, good large)

            // Most of the bytes are of messages in a row, which go first in the order of decisions.
            once machine [| for n in 1..3 -> lacking "two" $"$lacking{n}" |] |> ignore
            once machine (chain "a" 32) |> ignore
            same machine.WaitingBytes 43_000L

            let step = once machine [| for n in 1..2 -> lacking "one" $"$other{n}" |]
            same [ for struct (id, _) in step.Dropped -> id ] [ "$lacking1" ]
            let decided = ids step @ ids (machine.ReceiveOver(LookUpResults, [||]))
            same decided (named "a" [ 2..32 ])
        }

        test "Events that find no space are refused as before" {
            let machine =
                begun {
                    limits with
                        Staged = 4
                        StagedOfPeer = 4
                }

            let step =
                once machine [|
                    for n in 1..6 -> Input.Received("two", good (message $"$lacking{n}" [ $"$gone{n}" ]))
                |]

            same [ for struct (id, _) in step.Dropped -> id ] [ "$lacking5"; "$lacking6" ]
        }

        test "A resolution elsewhere is taken without deciding what waits for it" {
            let machine =
                begun {
                    limits with
                        SmallStates = 2
                        Previous = 2
                }

            let fork n =
                event $"$fork{n}" creator "org.example.fork" (Some $"{n}") [] [ "$join" ] [ "$create"; "$join" ]

            let steps = [ for n in 1..3 -> once machine [| arrives (fork n) |] ]

            match (List.last steps).Resolve with
            | null -> failtest "Three states are too many."
            | resolution ->
                resolution.RunOver LookUpResults
                let before = machine.Extremities
                machine.Resolved resolution
                Expect.isSame machine.Extremities before "extremities"
                Expect.isNull machine.Resolving "resolving"
                same (ids (once machine [||])) [ "$fork3" ]
        }
    ]
