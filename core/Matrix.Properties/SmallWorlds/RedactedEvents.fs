namespace Matrix.Properties.SmallWorlds

open Matrix.Rules
open Matrix.Core.Json
open Matrix.Properties.Generators

/// Events for redaction, which reads an event's type and each member by itself. Events with at most two members beside
/// `content`, or two in it, therefore show everything that a table can decide, and whether two members affect each
/// other.
[<RequireQualifiedAccess>]
module RedactedEvents =

    /// Their name in reports.
    let name = "redacted events"

    let private tables = lazy (Versions.withUnstable |> List.map _.Redaction)

    /// The members that some version keeps: members of the event itself, and paths in the content of a type.
    let everKept: Lazy<Set<string> * (string * string list) list> =
        lazy
            (let top =
                tables.Value
                |> List.map _.TopLevel
                |> Set.unionMany
                |> Set.union (set [ "unsigned"; "redacts" ])

             let contents = [
                 for table in tables.Value do
                     for KeyValue(eventType, kept) in table.Content do
                         match kept with
                         | KeptContent.Paths paths ->
                             for path in paths do
                                 eventType, path
                         | KeptContent.Whole -> ()
             ]

             top, List.distinct contents)

    let private unknown = "org.example.unknown"

    /// Values of `type`: known ones, and in the last two choices none or no string.
    let private types: Lazy<Json option list> =
        lazy
            (let named =
                tables.Value
                |> List.collect (fun table -> List.ofSeq table.Content.Keys)
                |> List.distinct
                |> List.sort

             [
                 for eventType in named @ [ "m.room.message"; "m.room.member.x"; "M.ROOM.MEMBER"; "" ] do
                     Some(text eventType)
                 None
                 Some(nested [ "m.room.member", text "m.room.member" ])
             ])

    /// Values of a member. Some are objects with members that are kept, with others, or with both.
    let private forms (inner: string list) : Json list = [
        text "x"
        number 1
        Json.Null
        Json.Array [| text "x"; nested [ unknown, text "x" ] |]
        nested []
        nested [ unknown, text "x" ]
        for key in inner do
            nested [ key, text "x" ]
            nested [ key, nested [ unknown, text "x" ]; unknown, text "x" ]
    ]

    /// No member; each of these by itself; each two with different names.
    let private upToTwo (members: (string * Json) list) : (string * Json) list seq =
        seq {
            []

            for one in members do
                [ one ]

            for i, (key, value) in List.indexed members do
                for other, second in List.skip (i + 1) members do
                    if other <> key then
                        [ key, value; other, second ]
        }

    let private contents: Lazy<Json list> =
        lazy
            (let paths = (snd everKept.Value) |> List.map snd

             let inner = paths |> List.collect List.tail |> List.distinct

             let keys = unknown :: List.map List.head paths |> List.distinct

             [
                 for key in keys do
                     for form in forms inner do
                         key, form
             ]
             |> upToTwo
             |> Seq.map nested
             |> List.ofSeq)

    let private beside: Lazy<(string * Json) list list> =
        lazy
            ([
                for key in (fst everKept.Value).Add unknown - set [ "type"; "content" ] do
                    for form in [ text "x"; nested [ unknown, text "x" ] ] do
                        key, form
             ]
             |> upToTwo
             |> List.ofSeq)

    let private event (eventType: Json option) (rest: (string * Json) list) : JsonObject =
        object' [
            match eventType with
            | Some eventType -> "type", eventType
            | None -> ()

            yield! rest
        ]

    /// All events, the plainest of each type first.
    let all: Lazy<JsonObject[]> =
        lazy
            [|
                for eventType in types.Value do
                    for members in beside.Value do
                        event eventType members

                        for content in [ nested []; nested [ "body", text "x" ]; text "x"; Json.Null ] do
                            event eventType (("content", content) :: members)

                    for content in contents.Value do
                        event eventType [ "content", content ]
            |]
