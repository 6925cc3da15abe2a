/// The file of the PDU vectors. A case has an event and its verdict; the literal definitions give the rest of the
/// answer.
module internal Matrix.Properties.Vectors.Generation.PduCases

open System.Text
open Matrix.Core.Event
open Matrix.Core.Json
open Matrix.Properties.Reference
open Matrix.Properties.Vectors
open Matrix.Properties.Generators
open Matrix.Rules
open Matrix.Properties.Vectors.Generation.PduCase
open Matrix.Properties.Vectors.Generation.PduExpectations
open Matrix.Properties.Vectors.Generation.PduRooms

let private casesOf ed25519 seedOf (rooms: (string * PduRoom) list) : PduCase list = [
    for title, room in rooms do
        yield! chain title room

        match title with
        | "open" ->
            yield! PduSignatureCases.hashes room
            yield! PduSignatureCases.signatures seedOf room
            yield! PduSignatureCases.chosenIds room
            yield! PduAuthorizationCases.decisions room
            yield! PduAuthorizationCases.thirdParty ed25519 seedOf room
        | "unfederated" -> yield! PduAuthorizationCases.unfederated room
        | _ -> yield! PduAuthorizationCases.restricted seedOf room
]

let private canonical (json: Json) = CanonicalJson.text json

let private lines (items: string list) = String.concat ",\n" items

let private names (all: string list) =
    Json.Array [| for name in all -> text name |]

let private keyTable seedOf (all: (string * string list) list) (value: byte[] -> byte[]) =
    nested [
        for server, ids in all -> server, nested [ for id in ids -> id, text (base64 (value (seedOf server id))) ]
    ]

let private roomText (version: RoomVersion, title: string, room: PduRoom) =
    let events = [
        for name, event in room.Events -> $"   {canonical (text name)}: {canonical (Json.Object event)}"
    ]

    $"  {canonical (text (version.Id + title))}: {{\n{lines events}\n  }}"

let private caseText (ed25519: Ed25519) keys (case: PduCase) =
    let title, room = case.Room

    let members = [
        "name", text case.Name
        "version", text room.Version.Id
        "room", text (room.Version.Id + title)
        "state", names case.State
        "auth_events", names (room.NamesOfAuthEvents case.Event)
        if not case.Rejected.IsEmpty then
            "rejected", names case.Rejected
        "event", Json.Object case.Event
        yield! expected ed25519 keys case
    ]

    let texts = [ for key, value in members -> $"{canonical (text key)}: {canonical value}" ]
    "  {" + String.concat ", " texts + "}"

let private about =
    "Complete PDUs, hashed and signed by the keys of `seeds`, in every room version: what becomes of each, and \
     why. The literal definitions give the answers; `mx vectors generate` writes this file."

/// The file of the vectors.
let file (ed25519: Ed25519) : string =
    let seedOf = seeds ed25519

    let keys =
        Map [
            for server, ids in servers do
                for id in ids -> (server, id), ed25519.PublicKey(seedOf server id)
        ]

    let versions = [ for version in Versions.all -> version, rooms ed25519 seedOf version ]

    StringBuilder()
        .Append("{\n")
        .Append($" \"about\": {canonical (text about)},\n")
        .Append(" \"kind\": \"pdu\",\n")
        .Append($" \"seeds\": {canonical (keyTable seedOf everyKey id)},\n")
        .Append($" \"keys\": {canonical (keyTable seedOf servers ed25519.PublicKey)},\n")
        .Append(" \"rooms\": {\n")
        .Append(
            lines [
                for version, rooms in versions do
                    for title, room in rooms -> roomText (version, title, room)
            ]
        )
        .Append("\n },\n \"cases\": [\n")
        .Append(
            lines [
                for _, rooms in versions do
                    for case in casesOf ed25519 seedOf rooms -> caseText ed25519 keys case
            ]
        )
        .Append("\n ]\n}\n")
        .ToString()
