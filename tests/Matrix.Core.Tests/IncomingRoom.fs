/// A room of one user as a room machine receives it, and peers that answer the machine's requests.
module Matrix.Core.Tests.IncomingRoom

open Expecto
open Matrix.Testing
open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Room.Incoming
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Graph
open Matrix.Properties.Generators
open Matrix.Properties.Simulation

let version = Versions.v11
let creator = "@a:one"

/// An event of a chain, with its auth events.
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

/// A message with the required auth events.
let message id prev =
    event id creator "m.room.message" None [] prev [ "$create"; "$join" ]

/// A message with more auth events than required.
let citing id (auth: string) =
    event id creator "m.room.message" None [] [ "$join" ] [ "$create"; "$join"; auth ]

/// Power levels, for which the creator has the power.
let levels id prev auth =
    event id creator "m.room.power_levels" (Some "") [ "users", nested [ creator, number 100 ] ] prev auth

/// A chain of power levels events: each has the next one among its auth events.
let levelsOnLevels (name: string) (first: string) (length: int) : Pdu list = [
    for i in 1..length ->
        let below = if i = 1 then first else $"${name}{i - 1}"

        levels $"${name}{i}" [ below ] [
            "$create"
            "$join"
            if i > 1 then
                below
        ]
]

/// An event whose only signature has a given result.
let signed fate (pdu: Pdu) : ReceivedEvent = {
    Pdu = pdu
    HashHolds = true
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
}

let good = signed SignatureFate.Valid

/// An event that comes in a transaction of the peer "two".
let arrives (pdu: Pdu) : Input = Input.Received("two", good pdu)

/// A machine with these limits, without other knowledge.
let machineWith limits =
    RoomMachine.Of("here", AuthRules version, RoomStart.New create.RoomId, limits)

/// A machine that knows the first events of the room.
let begun limits =
    let machine = machineWith limits
    machine.ReceiveAlone [| arrives create; arrives joined |] |> ignore
    machine

let drops (step: Output) : DropReason list = [ for struct (_, reason) in step.Dropped -> reason ]
let ids (step: Output) : string list = [ for d in step.Decided -> d.Event.EventId ]

let same (actual: 'a) (expected: 'a) : unit =
    Expect.equal actual expected "the result"

/// The outputs for some inputs, in order.
type Outcome = {
    Requests: PeerRequest list
    Decided: DecidedEvent list
    Dropped: (string * DropReason) list
} with

    /// The ids of the decided events.
    member this.Ids = this.Decided |> List.map _.Event.EventId

    /// The reasons of the drops.
    member this.Reasons = this.Dropped |> List.map snd

/// Peers that have nothing.
let silent (_: PeerRequest) = Response.Nothing

/// Gives inputs to the machine, and answers its requests until it makes no more.
let receives (machine: RoomMachine) (inputs: Input list) (answer: PeerRequest -> Response) : Outcome =
    let requests = ResizeArray<PeerRequest>()
    let decided = ResizeArray<DecidedEvent>()
    let dropped = ResizeArray<string * DropReason>()
    let mutable next = Array.ofList inputs

    while next.Length > 0 do
        let step = machine.ReceiveAlone next
        requests.AddRange step.Requests
        decided.AddRange step.Decided

        // Those that no peer had what they lack of are no longer searched for, and remembered.
        Seq.append step.Dropped step.Remembered
        |> Seq.map (fun (struct (id, reason)) -> id, reason)
        |> dropped.AddRange

        Expect.isLessThan requests.Count 5_000 "it requests without end"

        next <- [|
            for request in step.Requests do
                Input.Responded(request.Number, answer request)
            match step.Resolve with
            | null -> ()
            | resolution ->
                resolution.RunOver LookUpResults
                Input.Resolved resolution
        |]

    Expect.equal machine.Waiting 0 "something waits for ever"
    Expect.isEmpty machine.Outstanding "outstanding"

    {
        Requests = List.ofSeq requests
        Decided = List.ofSeq decided
        Dropped = List.ofSeq dropped
    }

/// The response of a peer that is not reached.
let notNow = Response.NotNow([||], 0L)

/// A time.
let start = 1_000_000L

/// A machine that knows the first events of the room, and the time.
let begunAt time limits =
    let machine = begun limits
    machine.ReceiveAlone [| Input.At time |] |> ignore
    machine

/// Gives inputs to the machine, with these facts, and answers its requests until it makes no more. Events may be left
/// waiting.
let outcomeOver
    (read: LookUps -> LookUpResults)
    (machine: RoomMachine)
    (inputs: Input list)
    (answer: PeerRequest -> Response)
    : Outcome * int64 =
    let requests = ResizeArray<PeerRequest>()
    let decided = ResizeArray<DecidedEvent>()
    let dropped = ResizeArray<string * DropReason>()
    let mutable next = Array.ofList inputs
    let mutable retryAt = 0L

    while next.Length > 0 do
        let step = machine.ReceiveOver(read, next)
        requests.AddRange step.Requests
        decided.AddRange step.Decided

        // Those that no peer had what they lack of are no longer searched for, and remembered.
        Seq.append step.Dropped step.Remembered
        |> Seq.map (fun (struct (id, reason)) -> id, reason)
        |> dropped.AddRange

        retryAt <- step.RetryAt

        next <- [|
            for request in step.Requests -> Input.Responded(request.Number, answer request)
        |]

    let outcome = {
        Requests = List.ofSeq requests
        Decided = List.ofSeq decided
        Dropped = List.ofSeq dropped
    }

    outcome, retryAt

/// The same without facts.
let outcomeOf (machine: RoomMachine) (inputs: Input list) (answer: PeerRequest -> Response) : Outcome * int64 =
    outcomeOver LookUpResults machine inputs answer
