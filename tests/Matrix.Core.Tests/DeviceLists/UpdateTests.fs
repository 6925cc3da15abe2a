/// How updates of device lists are read, and the steps of a tracked list one by one.
module Matrix.Core.Tests.DeviceLists.UpdateTests

open System
open System.Text
open NUnit.Framework
open Matrix.Core.DeviceLists
open Matrix.Core.Federation
open Matrix.Core.Json

let private limits = {
    NameBytes = 64
    KeyBytes = 300
    Previous = 3
}

let private parse (json: string) =
    match
        JsonReader.ParseObject(
            ReadOnlySpan<byte>(Encoding.UTF8.GetBytes json),
            Reading.Client,
            JsonLimits.federationBody
        )
    with
    | Ok o -> o
    | Error e -> failwith $"{e}"

let private readDevice (json: string) =
    let mutable update = Unchecked.defaultof<DeviceListUpdate>

    if DeviceListUpdate.TryReadDevice(parse json, limits, &update) then
        Some update
    else
        None

let private readKeys (json: string) =
    let mutable update = Unchecked.defaultof<DeviceListUpdate>

    if DeviceListUpdate.TryReadSigningKeys(parse json, limits, &update) then
        Some update
    else
        None

[<Test>]
let ``An update is read`` () =
    let read =
        readDevice
            """{"user_id":"@a:b","device_id":"D","stream_id":6,"prev_id":[5],"device_display_name":"Mobile",
                "keys":{"user_id":"@a:b","device_id":"D"}}"""

    match read with
    | Some update ->
        Assert.That(update.StreamId, Is.EqualTo 6L)
        Assert.That((update.Previous = [| 5L |]), Is.True)
        Assert.That(update.DisplayName, Is.EqualTo "Mobile")
        Assert.That(isNull (box update.Keys), Is.False)
    | None -> Assert.Fail "It is not read."

[<TestCase("""{"device_id":"D","stream_id":6}""")>]
[<TestCase("""{"user_id":"@a:b","stream_id":6}""")>]
[<TestCase("""{"user_id":"@a:b","device_id":"D"}""")>]
[<TestCase("""{"user_id":"@a:b","device_id":"D","stream_id":"6"}""")>]
[<TestCase("""{"user_id":"@a:b","device_id":"D","stream_id":6,"prev_id":5}""")>]
[<TestCase("""{"user_id":"@a:b","device_id":"D","stream_id":6,"prev_id":[1,2,3,4]}""")>]
[<TestCase("""{"user_id":"@a:b","device_id":"D","stream_id":6,"keys":{"user_id":"@c:b","device_id":"D"}}""")>]
[<TestCase("""{"user_id":"@a:b","device_id":"D","stream_id":6,"keys":{"user_id":"@a:b","device_id":"E"}}""")>]
let ``A malformed update is not read`` (json: string) =
    Assert.That((readDevice json).IsNone, Is.True)

[<TestCase("""{"keys":"x"}""", false)>]
[<TestCase("""{"keys":{"ed25519:D":5}}""", false)>]
[<TestCase("""{"algorithms":5}""", false)>]
[<TestCase("""{"algorithms":["m.olm.v1.curve25519-aes-sha2",{}]}""", false)>]
[<TestCase("""{"signatures":[]}""", false)>]
[<TestCase("""{"signatures":{"@a:b":"x"}}""", false)>]
[<TestCase("""{"algorithms":["x"],"keys":{"ed25519:D":"k"},"signatures":{"@a:b":{"ed25519:D":"s"}}}""", true)>]
let ``Keys with members of other types are not read`` (members: string, isRead: bool) =
    let keys =
        (parse members).With("user_id", Json.String "@a:b").With("device_id", Json.String "D")

    Assert.That(RemoteKeyObject.IsOfDevice(keys, "@a:b", "D", limits), Is.EqualTo isRead)

[<TestCase("""{"keys":{"ed25519:M":"M"}}""", true)>]
[<TestCase("""{"keys":{"ed25519:M":{}}}""", false)>]
[<TestCase("""{"keys":{"ed25519:M":"M"},"signatures":5}""", false)>]
let ``A signing key with members of other types is not read`` (members: string, isRead: bool) =
    let key =
        (parse members).With("user_id", Json.String "@a:b").With("usage", Json.Array [| Json.String "master" |])

    Assert.That(RemoteKeyObject.IsSigningKey(key, "@a:b", "master", limits), Is.EqualTo isRead)

[<Test>]
let ``Keys beyond the bound are not read`` () =
    let long = String('x', 300)

    let json =
        """{"user_id":"@a:b","device_id":"D","stream_id":6,"keys":{"user_id":"@a:b","device_id":"D","x":"LONG"}}"""
            .Replace("LONG", long)

    Assert.That((readDevice json).IsNone, Is.True)

[<Test>]
let ``A user-signing key is not read`` () =
    let key (usage: string) =
        """{"user_id":"@a:b","usage":["USAGE"],"keys":{"ed25519:k":"k"}}""".Replace("USAGE", usage)

    let read =
        readKeys $$"""{"user_id":"@a:b","master_key":{{key "master"}},"user_signing_key":{{key "user_signing"}}}"""

    match read with
    | Some update ->
        Assert.That(isNull (box update.MasterKey), Is.False)
        Assert.That(isNull (box update.SelfSigningKey), Is.True)
    | None -> Assert.Fail "It is not read."

    Assert.That((readKeys $$"""{"user_id":"@a:b","master_key":{{key "user_signing"}}}""").IsNone, Is.True)
    Assert.That((readKeys $$"""{"user_id":"@c:b","master_key":{{key "master"}}}""").IsNone, Is.True)

let private update (id: int64) (previous: int64 list) =
    DeviceListUpdate.OfDevice("@a:b", id, List.toArray previous, "D", false, null, null)

let private fetched (id: int64) =
    TrackedList.Untracked(BackoffPauses.Default).Wanted(0L).Next.Fetching().Next.Fetched(id, 0L).Next

[<Test>]
let ``A server that begins its ids anew is asked for the list`` () =
    let step = (fetched 500L).Received(update 3L [ 2L ], 0L)
    Assert.That(step.Next.FetchAt.HasValue, Is.True)
    let again = step.Next.Fetching().Next.Fetched(3L, 0L)
    Assert.That(again.Announcement, Is.EqualTo Announcement.Always)
    Assert.That(again.Next.IsCurrent, Is.True)

[<Test>]
let ``Failed requests are repeated after pauses that grow`` () =
    let stale = (fetched 5L).Received(update 9L [ 8L ], 0L).Next
    let once = stale.Fetching().Next.FetchFailed(1_000L, 0L).Next
    Assert.That(once.FetchAt, Is.EqualTo(Nullable 2_000L))
    let twice = once.Fetching().Next.FetchFailed(2_000L, 0L).Next
    Assert.That(twice.FetchAt, Is.EqualTo(Nullable 4_000L))

[<Test>]
let ``A stale list stays stale over a restart`` () =
    let stale = (fetched 5L).Received(update 9L [ 8L ], 0L).Next
    let restored = TrackedList.Restore(BackoffPauses.Default, stale.Stored)
    Assert.That(restored.IsCurrent, Is.False)
    Assert.That(restored.FetchAt.HasValue, Is.True)

[<Test>]
let ``A list that nobody shares any more is dropped`` () =
    let step = (fetched 5L).Lost()
    Assert.That(step.Drops, Is.True)
    Assert.That(step.Next.IsCached, Is.False)
