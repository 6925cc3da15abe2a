/// Filters, history visibility and unread counts: single cases. SyncProperties has the general statements.
module Matrix.Core.Tests.SyncTests

open Expecto
open Matrix.Testing
open Matrix.Core.Json
open Matrix.Core.Sync

let private parse (json: string) =
    let bytes = System.Text.Encoding.UTF8.GetBytes json

    match JsonReader.ParseObject(System.ReadOnlySpan bytes, Reading.Client, JsonLimits.clientBody) with
    | Ok o -> o
    | Error e -> failwith $"{e}"

let private filter json =
    match (SyncFilter.Parse(parse json)).Result with
    | Ok f -> f
    | Error e -> failwith $"{e}"

let private refused json =
    match (SyncFilter.Parse(parse json)).Result with
    | Ok _ -> failwith "accepted"
    | Error e -> e.Path

let private sees (setting: string | null) (membership: string | null) joinedLater =
    HistoryVisibility.MaySee(VisibilityFacts(setting, setting, membership, membership, joinedLater))

let private message n thread notifications highlights = {
    UnreadItem.Event = n
    Thread = thread
    Notifications = notifications
    Highlights = highlights
}

let tests =
    testList "SyncTests" [
        test "The published example of a filter is read correctly" {
            let f =
                filter
                    """{"room": {"state": {"types": ["m.room.*"], "not_rooms": ["!726s6s6q:example.com"]},
                "timeline": {"limit": 10, "types": ["m.room.message"], "not_rooms": ["!726s6s6q:example.com"],
                             "not_senders": ["@spam:example.com"]},
                "ephemeral": {"types": ["m.receipt", "m.typing"]}},
                "presence": {"types": ["m.presence"], "not_senders": ["@alice:example.com"]},
                "event_format": "client", "event_fields": ["type", "content", "sender"]}"""

            Expect.isTrue (f.State.Admits("m.room.name", "@spam:example.com", false)) "admits"
            Expect.isFalse (f.State.AdmitsRoom "!726s6s6q:example.com") "admits room"
            Expect.equal (f.Timeline.Limit(20, 1000)) 10 "limit"
            Expect.equal (f.Timeline.Limit(20, 5)) 5 "limit"
            Expect.isFalse (f.Timeline.Admits("m.room.message", "@spam:example.com", false)) "admits"
            Expect.isTrue (f.Timeline.Admits("m.room.message", "@bob:example.com", false)) "admits"
            Expect.isTrue (f.Ephemeral.AdmitsType "m.typing") "admits type"
            Expect.isTrue f.AccountData.AdmitsAll "admits all"
            Expect.equal (f.AccountData.Limit(20, 1000)) 20 "limit"
            Expect.isFalse f.IncludeLeave "include leave"
            Expect.isFalse f.IsFederationFormat "is federation format"
        }

        test "A filter of room ids without a server name is read" {
            let room = "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"
            let f = filter ("{\"room\": {\"rooms\": [\"" + room + "\"]}}")
            Expect.isTrue (f.AdmitsRoom room) "admits room"
            Expect.isFalse (f.AdmitsRoom "!x:example.org") "admits room"
        }

        test "A limit of 0 returns no events, as clients expect" {
            let f = filter """{"room": {"timeline": {"limit": 0}}}"""
            Expect.equal (f.Timeline.Limit(20, 1000)) 0 "limit"
            Expect.equal (f.State.Limit(20, 1000)) 20 "limit"
        }

        testTheory "A wrong filter is refused with the path of its fault" [
            """{"room": []}""", "room"
            """{"room": {"timeline": {"limit": -1}}}""", "room.timeline.limit"
            """{"room": {"timeline": {"limit": "10"}}}""", "room.timeline.limit"
            """{"room": {"timeline": {"limit": 1.5}}}""", "room.timeline.limit"
            """{"room": {"state": {"lazy_load_members": "true"}}}""", "room.state.lazy_load_members"
            """{"room": {"rooms": ["one"]}}""", "room.rooms"
            """{"presence": {"senders": ["alice"]}}""", "presence.senders"
            """{"event_format": "xml"}""", "event_format"
            """{"event_fields": "type"}""", "event_fields"
            """{"account_data": {"types": [1]}}""", "account_data.types"
        ]
        <| fun (json, path) -> Expect.equal (refused json) path "refused"

        test "A list longer than the limit is refused" {
            let types = String.concat "," (Seq.replicate 1001 "\"a\"")
            Expect.equal (refused ("""{"presence": {"types": [""" + types + "]}}")) "presence.types" "refused"
        }

        test "Redundant members are used only with lazy loading" {
            Expect.isFalse
                (filter """{"room": {"state": {"include_redundant_members": true}}}""").State.IncludeRedundantMembers
                "include redundant members"

            let lazily =
                filter """{"room": {"state": {"include_redundant_members": true, "lazy_load_members": true}}}"""

            Expect.isTrue lazily.State.IncludeRedundantMembers "include redundant members"
        }

        test "A user who joins later sees shared history, but neither invited nor joined history" {
            Expect.isTrue (sees "shared" null true) "sees"
            Expect.isTrue (sees null "leave" true) "sees"
            Expect.isFalse (sees "invited" null true) "sees"
            Expect.isFalse (sees "joined" "invite" true) "sees"
        }

        test "A kicked user sees the kick and nothing after it" {
            Expect.isFalse (sees "shared" "leave" false) "sees"

            Expect.isTrue
                (HistoryVisibility.MaySee(VisibilityFacts("joined", "joined", "join", "leave", false)))
                "may see"
        }

        test "Everybody sees the change from joined to world readable and the change back" {
            Expect.isTrue
                (HistoryVisibility.MaySee(VisibilityFacts("joined", "world_readable", null, null, false)))
                "may see"

            Expect.isTrue
                (HistoryVisibility.MaySee(VisibilityFacts("world_readable", "joined", null, null, false)))
                "may see"
        }

        test "Receipts cover what the specification's example says" {
            // A 1, B 2, C 3 (in thread A), D 4 (in thread B), E 5 (in A), I 9 (main timeline).
            let events = [
                message 1L 0L 1 0
                message 2L 0L 1 0
                message 3L 1L 1 0
                message 4L 2L 1 0
                message 5L 1L 1 0
                message 9L 0L 1 0
            ]

            let since = ReadPositions.Since 0L
            let main = UnreadCounts.Count(events, since.ReadThread(0L, 9L))
            Expect.equal main.Main.Notifications 0 "notifications"
            Expect.equal main.Notifications 3 "notifications"
            let thread = UnreadCounts.Count(events, since.ReadThread(1L, 5L))
            Expect.equal [| for t in thread.Threads -> t.Thread |] [| 2L |] "the value"
            Expect.equal thread.Main.Notifications 3 "notifications"
            let unthreaded = UnreadCounts.Count(events, since.ReadAll 4L)
            Expect.equal unthreaded.Notifications 2 "notifications"
        }

        test "The receipt furthest ahead counts, whichever came last" {
            let read = (ReadPositions.Since 0L).ReadAll(3L).ReadAll(1L)

            Expect.equal
                (UnreadCounts.Count([ message 2L 0L 1 0; message 4L 0L 1 1 ], read).Notifications)
                1
                "notifications"
        }
    ]
