/// Shards are the same for ever, evenly used, and cheap to find.
module Matrix.Core.Tests.Cluster.ShardTests

open System
open Expecto
open Matrix.Testing
open Matrix.Core.Cluster

/// Shards that databases may hold. The documentation of `Shards` has the first ones too.
let private vectors: (AuthorityKind * string * int) list = [
    AuthorityKind.Room, "!room:example.org", 171
    AuthorityKind.Room, "@alice:example.org", 212
    AuthorityKind.User, "@alice:example.org", 40
    AuthorityKind.User, "@zoë:example.org", 187
    AuthorityKind.Server, "example.org", 498
    AuthorityKind.AppService, "irc", 2
    AuthorityKind.Duty, "media.retention", 154
    AuthorityKind.MintedId, "kZ3qR7", 167
    AuthorityKind.Room, "!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM", 136
    AuthorityKind.Room, "", 505
    AuthorityKind.User, "@猫:example.org", 129
    AuthorityKind.User, "@🐈:example.org", 4
    AuthorityKind.User, "@\uD83D:example.org", 218
    AuthorityKind.User, "@\uFFFD:example.org", 218
]

/// Room ids of a version without a server name, and others.
let private rooms =
    Array.init 100_000 (fun i ->
        if i % 2 = 0 then
            $"!{i}:example.org"
        else
            let digits = Security.Cryptography.SHA256.HashData(BitConverter.GetBytes i)

            "!"
            + Convert.ToBase64String(digits).TrimEnd('=').Replace('+', '-').Replace('/', '_'))

let tests =
    testList "Cluster.ShardTests" [
        test "Each name stays in its shard" {
            Expect.equal [ for kind, name, _ in vectors -> kind, name, Shards.Of(kind, name) ] vectors "shards"
        }

        test "Each kind has a function of its own" {
            let name = "@alice:example.org"

            Expect.equal
                [
                    Shards.OfRoom name
                    Shards.OfUser name
                    Shards.OfServer name
                    Shards.OfAppService name
                    Shards.OfDuty name
                    Shards.OfMintedId name
                ]
                [
                    for kind in 1uy .. 6uy -> Shards.Of(LanguagePrimitives.EnumOfValue kind, name)
                ]
                "shards"
        }

        test "Rooms are spread over all shards evenly" {
            let counts = rooms |> Array.countBy Shards.OfRoom |> Array.map snd

            // 195 on average, with a standard deviation of 14.
            Expect.equal counts.Length Shards.Count "number of shards"
            Expect.isBetween (Array.min counts) (140, 195) "rooms of a shard"
            Expect.isBetween (Array.max counts) (195, 250) "rooms of a shard"
        }

        testCase "Finding a shard allocates nothing"
        <| fun () ->
            let find () =
                Shards.OfRoom "!room:example.org" + Shards.OfUser "@猫🐈\uD83D:example.org"

            let mutable sum = find ()
            let before = GC.GetAllocatedBytesForCurrentThread()

            for _ in 1..1000 do
                sum <- sum + find ()

            Expect.equal (GC.GetAllocatedBytesForCurrentThread() - before) 0L "bytes"
            Expect.isGreaterThan sum 0 "sum"
    ]
