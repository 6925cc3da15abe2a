namespace Matrix.Properties.Generators

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Json

/// An event as filters see it.
type FilteredEvent = {
    Type: string
    Sender: string option
    RoomId: string
    HasUrl: bool
}

/// An event as unread counts see it: its number and thread, the result that is stored for most users (bit 1 notifies,
/// bit 2 highlights), and the result of the user's own rules.
type UnreadEvent = {
    Number: int64
    Thread: int64
    ForMost: int
    ForUser: int
}

/// An action by which a user reads.
type ReadAction =
    | ReadAll of through: int64
    | ReadThread of thread: int64 * through: int64

/// Filters, and the events that they are applied to.
[<RequireQualifiedAccess>]
module SyncGen =

    let private object (members: (string * Json) list) =
        JsonObject.OfSeq(members |> List.map (fun (k, v) -> struct (k, v)))

    let private types = [
        "m.room.message"
        "m.room.member"
        "m.room.name"
        "m.typing"
        "org.example.a"
        "m.room.a?b"
        ""
    ]

    let private users = [ "@alice:example.org"; "@bob:example.org" ]
    let private rooms = [ "!one:example.org"; "!two:example.org" ]

    /// An event.
    let event: Gen<FilteredEvent> =
        gen {
            let! eventType = Gen.elements types
            let! sender = Gen.elements (None :: List.map Some users)
            let! room = Gen.elements rooms
            let! hasUrl = Gen.elements [ true; false ]

            return {
                Type = eventType
                Sender = sender
                RoomId = room
                HasUrl = hasUrl
            }
        }

    let private maybe (name: string) (value: Gen<Json>) : Gen<(string * Json) list> =
        Gen.frequency [ 2, Gen.constant []; 1, value |> Gen.map (fun v -> [ name, v ]) ]

    let private strings (from: Gen<string>) =
        Gen.listOf from
        |> Gen.map (List.truncate 3 >> List.map Json.String >> List.toArray >> Json.Array)

    let private bool = Gen.elements [ Json.Bool true; Json.Bool false ]

    let private typePattern =
        Gen.oneof [
            Gen.elements types
            Gen.elements [
                "*"
                "m.*"
                "m.room.*"
                "*.member"
                "m*a*"
                "**"
                "m.room.?"
                "*m.room.member*"
                "m.r*room.name"
            ]
        ]

    let private merge (parts: Gen<(string * Json) list> list) : Gen<JsonObject> =
        Gen.sequenceToList parts |> Gen.map (List.concat >> object)

    /// A filter of events.
    let eventFilter: Gen<JsonObject> =
        merge [
            maybe "limit" (Gen.choose (0, 100) |> Gen.map (fun n -> Json.Int(int64 n)))
            maybe "types" (strings typePattern)
            maybe "not_types" (strings typePattern)
            maybe "senders" (strings (Gen.elements users))
            maybe "not_senders" (strings (Gen.elements users))
            maybe "rooms" (strings (Gen.elements rooms))
            maybe "not_rooms" (strings (Gen.elements rooms))
            maybe "contains_url" bool
            maybe "lazy_load_members" bool
            maybe "include_redundant_members" bool
            maybe "unread_thread_notifications" bool
            maybe "org.example.unknown" bool
        ]

    let private inner = Gen.map Json.Object eventFilter

    /// A path of fields, escapes and all.
    let fieldPath: Gen<string list> =
        Gen.nonEmptyListOf (Gen.elements [ "content"; "type"; "a"; "a.b"; "m\\x"; "body" ])
        |> Gen.map (List.truncate 3)

    /// A filter for `/sync`.
    let syncFilter: Gen<JsonObject> =
        merge [
            maybe "event_fields" (strings (Gen.elements [ "type"; "content.body"; "content" ]))
            maybe "event_format" (Gen.elements [ Json.String "client"; Json.String "federation" ])
            maybe "presence" inner
            maybe "account_data" inner
            maybe
                "room"
                (merge [
                    maybe "rooms" (strings (Gen.elements rooms))
                    maybe "not_rooms" (strings (Gen.elements rooms))
                    maybe "include_leave" bool
                    maybe "ephemeral" inner
                    maybe "state" inner
                    maybe "timeline" inner
                    maybe "account_data" inner
                 ]
                 |> Gen.map Json.Object)
        ]

    /// The paths of all members that are not under an unknown name; objects are included.
    let rec private places (o: JsonObject) : string list list = [
        for struct (name, value) in o.Members do
            if name <> "org.example.unknown" then
                [ name ]

                match value with
                | Json.Object inner ->
                    for place in places inner do
                        name :: place
                | _ -> ()
    ]

    let rec private replace (place: string list) (value: Json) (o: JsonObject) : JsonObject =
        JsonObject.OfSeq [
            for struct (name, old) in o.Members do
                match place with
                | [ n ] when n = name -> struct (name, value)
                | n :: rest when n = name ->
                    match old with
                    | Json.Object inner -> struct (name, Json.Object(replace rest value inner))
                    | other -> struct (name, other)
                | _ -> struct (name, old)
        ]

    /// A filter with one value that no member of a filter may have, and the path of that value.
    let wrongFilter: Gen<string * JsonObject> =
        syncFilter
        |> Gen.filter (fun f -> f.Count > 0)
        |> Gen.bind (fun f ->
            gen {
                let! place = Gen.elements (places f)

                let! wrong =
                    Gen.elements [ Json.Null; Json.Int -1L; Json.String "?"; Json.Array [| Json.Null |] ]

                return String.concat "." place, replace place wrong f
            })

    /// A room's unread events, in order, and the user's reading.
    let reading: Gen<UnreadEvent list * ReadAction list> =
        gen {
            let! count = Gen.choose (0, 30)

            let! events =
                [ 1L .. int64 count ]
                |> List.map (fun n ->
                    gen {
                        let! thread = Gen.elements [ 0L; 0L; 100L; 101L ]
                        let! most = Gen.elements [ 0; 1; 1; 3 ]
                        let! own = Gen.frequency [ 4, Gen.constant most; 1, Gen.elements [ 0; 1; 3 ] ]

                        return {
                            Number = n
                            Thread = thread
                            ForMost = most
                            ForUser = own
                        }
                    })
                |> Gen.sequenceToList

            let! readings =
                Gen.listOf (
                    gen {
                        let! thread = Gen.elements [ 0L; 100L; 101L ]
                        let! through = Gen.choose (0, count) |> Gen.map int64
                        let! all = Gen.elements [ true; false ]
                        return if all then ReadAll through else ReadThread(thread, through)
                    }
                )

            return events, List.truncate 4 readings
        }
