namespace Matrix.Properties.Vectors.Generation

open System
open System.Collections.Generic
open System.Security.Cryptography
open System.Text
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Reference.Authorization
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules

/// An event before it is hashed and signed.
type internal Unsealed = {
    Type: string
    StateKey: string option
    Sender: string
    Content: (string * Json) list
}

/// Ed25519 keys of servers: seeds are the hashes of their names.
[<RequireQualifiedAccess>]
module internal PduKeys =

    /// Public keys are written in either alphabet of base64; in this key they differ.
    let private isTelling (key: byte[]) =
        UnpaddedBase64.encode(ReadOnlySpan<byte> key).IndexOfAny([| '+'; '/' |]) >= 0

    let private seed (name: string) (attempt: int) =
        SHA256.HashData(Encoding.UTF8.GetBytes $"{name} {attempt}")

    /// The seed of a key, the first whose public key the alphabets write differently.
    let seedOf (ed25519: Ed25519) (server: string) (keyId: string) : byte[] =
        Seq.initInfinite (seed $"{server} {keyId}")
        |> Seq.find (fun seed -> isTelling (ed25519.PublicKey seed))

/// Builds the PDUs of a room, one after the other, hashed and signed as the specification words it.
[<Sealed>]
type internal PduRoom(version: RoomVersion, ed25519: Ed25519, seedOf: string -> string -> byte[]) =
    let byName = Dictionary<string, JsonObject>()
    let ids = Dictionary<string, string>()
    let state = Dictionary<string * string, string>()
    let names = List<string>()
    let mutable roomId = "!room:one.example"

    let hashOfCreate = version.Settings.RoomIds = RoomIdForm.HashOfCreate
    let assigns = version.Settings.EventIds = EventIdForm.Assigned
    let withHashes = version.Settings.References = EventReferences.IdsWithHashes

    let with' (key: string) (value: Json) (o: JsonObject) =
        JsonObject.OfSeq(Seq.append o.Members [ struct (key, value) ])

    let without (key: string) (o: JsonObject) =
        JsonObject.OfSeq(o.Members |> Seq.filter (fun (struct (k, _)) -> k <> key))

    let referenceHash (event: JsonObject) =
        LiteralEvent.referenceHash version.Redaction event

    let base64 (bytes: byte[]) =
        UnpaddedBase64.encode (ReadOnlySpan<byte> bytes)

    let reference (name: string) =
        if withHashes then
            Json.Array [|
                text ids[name]
                nested [ "sha256", text (base64 (referenceHash byName[name])) ]
            |]
        else
            text ids[name]

    /// v1.19 rooms/v4#event-ids
    member _.IdOf(event: JsonObject) : string =
        match version.Settings.EventIds with
        | EventIdForm.Assigned -> string (event.Text "event_id")
        | EventIdForm.UrlSafeHash -> "$" + (base64 (referenceHash event)).Replace('+', '-').Replace('/', '_')
        | _ -> "$" + base64 (referenceHash event)

    /// The room's id: since version 12 the id of its create event with another sigil.
    member _.RoomIdOf(eventId: string, event: JsonObject) : string =
        if hashOfCreate && event.Text "type" = "m.room.create" then
            "!" + eventId.Substring 1
        else
            string (event.Text "room_id")

    /// The event as the literal evaluator takes it.
    member this.Pdu(event: JsonObject) : Pdu =
        match PduFormat.ofTrusted (EventFormat version) (event |> with' "event_id" (text (this.IdOf event))) with
        | Ok pdu -> pdu
        | Error fault -> failwith $"{fault}"

    /// The events that an event names in `auth_events`, by name.
    member this.AuthEventsOf(event: JsonObject) : string list = [
        for key in AuthReference.selection version (this.Pdu event) do
            match state.TryGetValue key with
            | true, name -> name
            | _ -> ()
    ]

    /// An event after the latest, without hashes and signatures. `idServer`: the server in its id, where ids have one.
    member this.Draft(name: string, idServer: string, draft: Unsealed) : JsonObject =
        let bare =
            object' [
                "type", text draft.Type
                "sender", text draft.Sender
                "content", nested draft.Content
                "depth", number (names.Count + 1)
                "origin_server_ts", Json.Int(1_700_000_000_000L + int64 names.Count * 1000L)
                "auth_events", Json.Array [||]

                "prev_events", Json.Array [| for last in Seq.tryLast names |> Option.toList -> reference last |]

                match draft.StateKey with
                | Some key -> "state_key", text key
                | None -> ()

                if assigns then
                    "event_id", text $"${name}:{idServer}"

                if not (hashOfCreate && draft.Type = "m.room.create") then
                    "room_id", text roomId
            ]

        let cited =
            if draft.Type = "m.room.create" then
                []
            else
                this.AuthEventsOf bare

        bare
        |> with' "auth_events" (Json.Array [| for name in cited -> reference name |])

    /// v1.19 server-server-api#adding-hashes-and-signatures-to-outgoing-events
    member _.Hashed(event: JsonObject) : JsonObject =
        event
        |> with' "hashes" (nested [ "sha256", text (base64 (LiteralEvent.contentHash event)) ])

    /// What a signature of an event is over.
    member _.BytesToSign(event: JsonObject) : byte[] =
        LiteralEvent.redact version.Redaction event
        |> without "signatures"
        |> without "unsigned"
        |> Json.Object
        |> CanonicalJson.bytes

    /// The event with one more signature: of a server, under a key id, by the seed of that key or of another.
    member this.SignedBy (server: string) (keyId: string) (seed: byte[]) (event: JsonObject) : JsonObject =
        let signature = ed25519.Sign seed (this.BytesToSign event)
        SignedJson.withSignature event server keyId (ReadOnlySpan<byte> signature)

    /// The event, signed by the first key of each server.
    member this.Signed (servers: string list) (event: JsonObject) : JsonObject =
        (event, servers)
        ||> List.fold (fun event server -> this.SignedBy server "ed25519:1" (seedOf server "ed25519:1") event)

    /// Adds an event to the room; state events become its state.
    member this.Add(name: string, servers: string list, draft: Unsealed) : unit =
        let event =
            this.Draft(name, List.head servers, draft) |> this.Hashed |> this.Signed servers

        let id = this.IdOf event

        if draft.Type = "m.room.create" then
            roomId <- this.RoomIdOf(id, event)

        byName[name] <- event
        ids[name] <- id
        names.Add name

        match draft.StateKey with
        | Some key -> state[(draft.Type, key)] <- name
        | None -> ()

    /// The names of the events that an event has in `auth_events`.
    member _.NamesOfAuthEvents(event: JsonObject) : string list =
        match event.TryFind "auth_events" with
        | ValueSome(Json.Array items) -> [
            for item in items do
                match item with
                | Json.String id
                | Json.Array [| Json.String id; _ |] -> names |> Seq.find (fun name -> ids[name] = id)
                | _ -> ()
          ]
        | _ -> []

    /// The version of the room.
    member _.Version = version

    /// The events by name, in their order.
    member _.Events: (string * JsonObject) list = [ for name in names -> name, byName[name] ]

    /// The names of the events of the state.
    member _.State: string list = [
        for name in names do
            if state.ContainsValue name then
                name
    ]

    /// An event of the room.
    member _.Event(name: string) : JsonObject = byName[name]
