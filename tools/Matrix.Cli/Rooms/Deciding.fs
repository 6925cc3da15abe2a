/// Decides a stored event again, with the facts that the server had.
module internal Matrix.Cli.Rooms.Deciding

open System
open Matrix.Cli.Input
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.Facade
open Matrix.Core.Json
open Matrix.Host.Rooms.Inspecting
open Matrix.Host.Storage.Tables.Events
open Matrix.Properties.Generators
open Matrix.Properties.Reference.Authorization
open Matrix.Rules

/// A state that an event was decided against, and the path to the decision.
type Check = {
    /// What the state is: "its auth events".
    Against: string
    /// The events of the state that authorization reads.
    State: StoredEvent list
    Trace: AuthTrace.Trace
}

/// Whether the event has a mark.
let has (mark: EventMarks) (event: StoredEvent) : bool =
    event.Row.Marks &&& mark <> EventMarks.None

let private verify =
    Func<_, _, _, _>(fun key message signature -> VectorFiles.ed25519.Verify key message signature)

/// The event as it is stored.
let private json (event: StoredEvent) : JsonObject =
    match JsonText.TryParseStored event.Row.Json.Span with
    | true, json -> json
    | _ -> JsonObject.Empty

/// The servers that signed it. The signatures were verified when it came.
let private signers (event: StoredEvent) : string[] =
    match (json event).TryFind "signatures" with
    | ValueSome(Json.Object all) -> [| for i in 0 .. all.Count - 1 -> all.Key i |]
    | _ -> [||]

/// The keys of the invitation in the state that verify `third_party_invite.signed`.
let private verifiedKeys (pdu: Pdu) (state: StoredEvent list) : string[] =
    match ThirdPartyKeys.signedOf pdu with
    | null -> [||]
    | signed ->
        state
        |> List.tryFind (fun e -> e.Pdu.Type = "m.room.third_party_invite" && e.Pdu.StateKey = signed.Text "token")
        |> Option.map (fun invitation -> ThirdPartyKeys.verified verify invitation.Pdu signed)
        |> Option.defaultValue [||]

let private check (version: RoomVersion) (found: InspectedEvent) (against: string) (state: StoredEvent list) : Check =
    let pdu = found.Event.Pdu

    let case: AuthCase = {
        Version = version
        Event = pdu
        State =
            Map [
                for e in state do
                    match e.Pdu.StateKey with
                    | null -> ()
                    | key -> (e.Pdu.Type, key), e.Pdu
            ]
        Facts = {
            AuthEvents = [|
                for e in found.AuthEvents ->
                    {
                        Event = e.Pdu
                        Rejected = has EventMarks.Rejected e
                    }
            |]
            Signers = signers found.Event
            ThirdPartyKeys = verifiedKeys pdu state
            HasRoomId = pdu.Type = "m.room.create" && (json found.Event).TryFind("room_id").IsSome
        }
    }

    {
        Against = against
        State = state
        Trace = AuthTrace.ofCase case
    }

/// The checks of the event, in the order in which a server makes them.
/// v1.19 server-server-api#checks-performed-on-receipt-of-a-pdu
let checks (version: RoomVersion) (found: InspectedEvent) : Check list =
    let cited = List.ofSeq found.AuthEvents |> List.filter (has EventMarks.State)
    let isCreate (e: StoredEvent) = e.Pdu.Type = "m.room.create"

    let withCreate =
        match found.Create with
        | null -> cited
        | _ when List.exists isCreate cited || found.Event.Pdu.Type = "m.room.create" -> cited
        | create -> create :: cited

    [
        check version found "its auth events" withCreate

        match found.StateBefore with
        | null -> ()
        | state -> check version found "the state before it" (List.ofSeq state)

        match found.CurrentState with
        | null -> ()
        | state -> check version found "the room's current state when it came" (List.ofSeq state)
    ]
