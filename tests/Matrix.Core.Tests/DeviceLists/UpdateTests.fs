/// How updates of device lists are read, and the steps of a tracked list one by one.
module Matrix.Core.Tests.DeviceLists.UpdateTests

open System
open System.Text
open Expecto
open Matrix.Testing
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

let private update (id: int64) (previous: int64 list) =
    DeviceListUpdate.OfDevice("@a:b", id, List.toArray previous, "D", false, null, null)

let private fetched (id: int64) =
    TrackedList.Untracked(BackoffPauses.Default).Wanted(0L).Next.Fetching().Next.Fetched(id, 0L).Next

let tests =
    testList "DeviceLists.UpdateTests" [
        test "An update is read" {
            let read =
                readDevice
                    """{"user_id":"@a:b","device_id":"D","stream_id":6,"prev_id":[5],"device_display_name":"Mobile",
                "keys":{"user_id":"@a:b","device_id":"D"}}"""

            match read with
            | Some update ->
                Expect.equal update.StreamId 6L "stream id"
                Expect.equal update.Previous [| 5L |] "previous"
                Expect.equal update.DisplayName "Mobile" "display name"
                Expect.isFalse (isNull (box update.Keys)) "keys"
            | None -> failtest "It is not read."
        }

        testTheory "A malformed update is not read" [
            """{"device_id":"D","stream_id":6}"""
            """{"user_id":"@a:b","stream_id":6}"""
            """{"user_id":"@a:b","device_id":"D"}"""
            """{"user_id":"@a:b","device_id":"D","stream_id":"6"}"""
            """{"user_id":"@a:b","device_id":"D","stream_id":6,"prev_id":5}"""
            """{"user_id":"@a:b","device_id":"D","stream_id":6,"prev_id":[1,2,3,4]}"""
            """{"user_id":"@a:b","device_id":"D","stream_id":6,"keys":{"user_id":"@c:b","device_id":"D"}}"""
            """{"user_id":"@a:b","device_id":"D","stream_id":6,"keys":{"user_id":"@a:b","device_id":"E"}}"""
        ]
        <| fun json -> Expect.isTrue (readDevice json).IsNone "read device"

        testTheory "Keys with members of other types are not read" [
            """{"keys":"x"}""", false
            """{"keys":{"ed25519:D":5}}""", false
            """{"algorithms":5}""", false
            """{"algorithms":["m.olm.v1.curve25519-aes-sha2",{}]}""", false
            """{"signatures":[]}""", false
            """{"signatures":{"@a:b":"x"}}""", false
            """{"algorithms":["x"],"keys":{"ed25519:D":"k"},"signatures":{"@a:b":{"ed25519:D":"s"}}}""", true
        ]
        <| fun (members, isRead) ->
            let keys =
                (parse members).With("user_id", Json.String "@a:b").With("device_id", Json.String "D")

            Expect.equal (RemoteKeyObject.IsOfDevice(keys, "@a:b", "D", limits)) isRead "is of device"

        testTheory "A signing key with members of other types is not read" [
            """{"keys":{"ed25519:M":"M"}}""", true
            """{"keys":{"ed25519:M":{}}}""", false
            """{"keys":{"ed25519:M":"M"},"signatures":5}""", false
        ]
        <| fun (members, isRead) ->
            let key =
                (parse members).With("user_id", Json.String "@a:b").With("usage", Json.Array [| Json.String "master" |])

            Expect.equal (RemoteKeyObject.IsSigningKey(key, "@a:b", "master", limits)) isRead "is signing key"

        test "Keys beyond the bound are not read" {
            let long = String('x', 300)

            let json =
                "{\"user_id\":\"@a:b\",\"device_id\":\"D\",\"stream_id\":6,"
                + $"\"keys\":{{\"user_id\":\"@a:b\",\"device_id\":\"D\",\"x\":\"{long}\"}}}}"

            Expect.isTrue (readDevice json).IsNone "read device"
        }

        test "A user-signing key is not read" {
            let key (usage: string) =
                """{"user_id":"@a:b","usage":["USAGE"],"keys":{"ed25519:k":"k"}}""".Replace("USAGE", usage)

            let read =
                readKeys
                    $$"""{"user_id":"@a:b","master_key":{{key "master"}},"user_signing_key":{{key "user_signing"}}}"""

            match read with
            | Some update ->
                Expect.isFalse (isNull (box update.MasterKey)) "master key"
                Expect.isTrue (isNull (box update.SelfSigningKey)) "self signing key"
            | None -> failtest "It is not read."

            Expect.isTrue (readKeys $$"""{"user_id":"@a:b","master_key":{{key "user_signing"}}}""").IsNone "read keys"
            Expect.isTrue (readKeys $$"""{"user_id":"@c:b","master_key":{{key "master"}}}""").IsNone "read keys"
        }

        test "A server that begins its ids anew is asked for the list" {
            let step = (fetched 500L).Received(update 3L [ 2L ], 0L)
            Expect.isTrue step.Next.FetchAt.HasValue "has value"
            let again = step.Next.Fetching().Next.Fetched(3L, 0L)
            Expect.equal again.Announcement Announcement.Always "announcement"
            Expect.isTrue again.Next.IsCurrent "is current"
        }

        test "Failed requests are repeated after pauses that grow" {
            let stale = (fetched 5L).Received(update 9L [ 8L ], 0L).Next
            let once = stale.Fetching().Next.FetchFailed(1_000L, 0L).Next
            Expect.equal once.FetchAt (Nullable 2_000L) "fetch at"
            let twice = once.Fetching().Next.FetchFailed(2_000L, 0L).Next
            Expect.equal twice.FetchAt (Nullable 4_000L) "fetch at"
        }

        test "A stale list stays stale over a restart" {
            let stale = (fetched 5L).Received(update 9L [ 8L ], 0L).Next
            let restored = TrackedList.Restore(BackoffPauses.Default, stale.Stored)
            Expect.isFalse restored.IsCurrent "is current"
            Expect.isTrue restored.FetchAt.HasValue "has value"
        }

        test "A list that nobody shares any more is dropped" {
            let step = (fetched 5L).Lost()
            Expect.isTrue step.Drops "drops"
            Expect.isFalse step.Next.IsCached "is cached"
        }
    ]
