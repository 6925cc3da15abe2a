namespace Matrix.Properties.Properties

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Cluster
open Matrix.Properties
open Matrix.Properties.Reference

/// The shards of authorities.
module ShardProperties =

    let private kind =
        Gen.elements [
            AuthorityKind.Room
            AuthorityKind.User
            AuthorityKind.Server
            AuthorityKind.AppService
            AuthorityKind.Duty
            AuthorityKind.MintedId
        ]

    /// Characters of each length in UTF-8, and halves of pairs.
    let private piece =
        Gen.frequency [
            6, Gen.choose (0x20, 0x7E) |> Gen.map (char >> string)
            2, Gen.choose (0x80, 0x7FF) |> Gen.map (char >> string)
            2, Gen.choose (0x800, 0xD7FF) |> Gen.map (char >> string)
            2, Gen.choose (0x10000, 0x10FFFF) |> Gen.map System.Char.ConvertFromUtf32
            1, Gen.choose (0xD800, 0xDFFF) |> Gen.map (char >> string)
        ]

    let private name =
        Gen.choose (0, 60)
        |> Gen.bind (fun count -> Gen.listOfLength count piece)
        |> Gen.map (String.concat "")

    let private shrink (kind: AuthorityKind, name: string) : seq<AuthorityKind * string> =
        seq { for without in 0 .. name.Length - 1 -> kind, name.Remove(without, 1) }

    /// The hash is fixed.
    let asDocumented =
        Property.forAllShrink
            "shards.as-documented"
            "The shard of each name of each kind is as the documentation says, and one of 512."
            (Gen.zip kind name)
            shrink
            (fun (kind, name) ->
                let shard = Shards.Of(kind, name)

                shard = LiteralShards.shard (byte kind) name
                && shard >= 0
                && shard < Shards.Count)

    /// All properties of shards.
    let all = [ asDocumented ]
