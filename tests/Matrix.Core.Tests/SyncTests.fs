/// Filters, history visibility and unread counts: single cases. SyncProperties has the general statements.
module Matrix.Core.Tests.SyncTests

open NUnit.Framework
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

[<Test>]
let ``The published example of a filter is read correctly`` () =
    let f =
        filter
            """{"room": {"state": {"types": ["m.room.*"], "not_rooms": ["!726s6s6q:example.com"]},
                "timeline": {"limit": 10, "types": ["m.room.message"], "not_rooms": ["!726s6s6q:example.com"],
                             "not_senders": ["@spam:example.com"]},
                "ephemeral": {"types": ["m.receipt", "m.typing"]}},
                "presence": {"types": ["m.presence"], "not_senders": ["@alice:example.com"]},
                "event_format": "client", "event_fields": ["type", "content", "sender"]}"""

    Assert.That(f.State.Admits("m.room.name", "@spam:example.com", false), Is.True)
    Assert.That(f.State.AdmitsRoom "!726s6s6q:example.com", Is.False)
    Assert.That(f.Timeline.Limit(20, 1000), Is.EqualTo 10)
    Assert.That(f.Timeline.Limit(20, 5), Is.EqualTo 5)
    Assert.That(f.Timeline.Admits("m.room.message", "@spam:example.com", false), Is.False)
    Assert.That(f.Timeline.Admits("m.room.message", "@bob:example.com", false), Is.True)
    Assert.That(f.Ephemeral.AdmitsType "m.typing", Is.True)
    Assert.That(f.AccountData.AdmitsAll, Is.True)
    Assert.That(f.AccountData.Limit(20, 1000), Is.EqualTo 20)
    Assert.That(f.IncludeLeave, Is.False)
    Assert.That(f.IsFederationFormat, Is.False)

[<Test>]
let ``A filter of room ids without a server name is read`` () =
    let room = "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM"
    let f = filter ("{\"room\": {\"rooms\": [\"" + room + "\"]}}")
    Assert.That(f.AdmitsRoom room, Is.True)
    Assert.That(f.AdmitsRoom "!x:example.org", Is.False)

[<Test>]
let ``A limit of 0 returns no events, as clients expect`` () =
    let f = filter """{"room": {"timeline": {"limit": 0}}}"""
    Assert.That(f.Timeline.Limit(20, 1000), Is.EqualTo 0)
    Assert.That(f.State.Limit(20, 1000), Is.EqualTo 20)

[<TestCase("""{"room": []}""", "room")>]
[<TestCase("""{"room": {"timeline": {"limit": -1}}}""", "room.timeline.limit")>]
[<TestCase("""{"room": {"timeline": {"limit": "10"}}}""", "room.timeline.limit")>]
[<TestCase("""{"room": {"timeline": {"limit": 1.5}}}""", "room.timeline.limit")>]
[<TestCase("""{"room": {"state": {"lazy_load_members": "true"}}}""", "room.state.lazy_load_members")>]
[<TestCase("""{"room": {"rooms": ["one"]}}""", "room.rooms")>]
[<TestCase("""{"presence": {"senders": ["alice"]}}""", "presence.senders")>]
[<TestCase("""{"event_format": "xml"}""", "event_format")>]
[<TestCase("""{"event_fields": "type"}""", "event_fields")>]
[<TestCase("""{"account_data": {"types": [1]}}""", "account_data.types")>]
let ``A wrong filter is refused with the path of its fault`` (json: string, path: string) =
    Assert.That(refused json, Is.EqualTo path)

[<Test>]
let ``A list longer than the limit is refused`` () =
    let types = String.concat "," (Seq.replicate 1001 "\"a\"")
    Assert.That(refused ("""{"presence": {"types": [""" + types + "]}}"), Is.EqualTo "presence.types")

[<Test>]
let ``Redundant members are used only with lazy loading`` () =
    Assert.That(
        (filter """{"room": {"state": {"include_redundant_members": true}}}""").State.IncludeRedundantMembers,
        Is.False
    )

    let lazily =
        filter """{"room": {"state": {"include_redundant_members": true, "lazy_load_members": true}}}"""

    Assert.That(lazily.State.IncludeRedundantMembers, Is.True)

let private sees (setting: string | null) (membership: string | null) joinedLater =
    HistoryVisibility.MaySee(VisibilityFacts(setting, setting, membership, membership, joinedLater))

[<Test>]
let ``A user who joins later sees shared history, but neither invited nor joined history`` () =
    Assert.That(sees "shared" null true, Is.True)
    Assert.That(sees null "leave" true, Is.True)
    Assert.That(sees "invited" null true, Is.False)
    Assert.That(sees "joined" "invite" true, Is.False)

[<Test>]
let ``A kicked user sees the kick and nothing after it`` () =
    Assert.That(sees "shared" "leave" false, Is.False)
    Assert.That(HistoryVisibility.MaySee(VisibilityFacts("joined", "joined", "join", "leave", false)), Is.True)

[<Test>]
let ``Everybody sees the change from joined to world readable and the change back`` () =
    Assert.That(HistoryVisibility.MaySee(VisibilityFacts("joined", "world_readable", null, null, false)), Is.True)
    Assert.That(HistoryVisibility.MaySee(VisibilityFacts("world_readable", "joined", null, null, false)), Is.True)

let private message n thread notifications highlights = {
    UnreadItem.Event = n
    Thread = thread
    Notifications = notifications
    Highlights = highlights
}

[<Test>]
let ``Receipts cover what the specification's example says`` () =
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
    Assert.That(main.Main.Notifications, Is.Zero)
    Assert.That(main.Notifications, Is.EqualTo 3)
    let thread = UnreadCounts.Count(events, since.ReadThread(1L, 5L))
    Assert.That([| for t in thread.Threads -> t.Thread |], Is.EqualTo<int64[]> [| 2L |])
    Assert.That(thread.Main.Notifications, Is.EqualTo 3)
    let unthreaded = UnreadCounts.Count(events, since.ReadAll 4L)
    Assert.That(unthreaded.Notifications, Is.EqualTo 2)

[<Test>]
let ``The receipt furthest ahead counts, whichever came last`` () =
    let read = (ReadPositions.Since 0L).ReadAll(3L).ReadAll(1L)
    Assert.That(UnreadCounts.Count([ message 2L 0L 1 0; message 4L 0L 1 1 ], read).Notifications, Is.EqualTo 1)
