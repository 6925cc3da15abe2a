namespace Matrix.Properties.Reference

open System.Text

/// The hashes of shards and of nodes, as the documentation of `Shards` and `Placement` words them.
module LiteralShards =

    let private fnv1a (octets: byte[]) : uint64 =
        (0xCBF29CE484222325UL, octets)
        ||> Array.fold (fun hash octet -> (hash ^^^ uint64 octet) * 0x100000001B3UL)

    let private output (state: uint64) : uint64 =
        let mutable h = state
        h <- h ^^^ (h >>> 30)
        h <- h * 0xBF58476D1CE4E5B9UL
        h <- h ^^^ (h >>> 27)
        h <- h * 0x94D049BB133111EBUL
        h ^^^ (h >>> 31)

    let private hash (first: byte) (name: string) : uint64 =
        fnv1a (Array.append [| first |] (Encoding.UTF8.GetBytes name))

    /// The shard of a name of a kind, by the number of the kind.
    let shard (kind: byte) (name: string) : int = int (output (hash kind name) % 512UL)

    /// The weights of a node for the shards, one after the other, by the node's name.
    let weights (name: string) : uint64[] =
        // SplitMix64 adds before it gives a number.
        Array.unfold
            (fun (count, state) ->
                let state = state + 0x9E3779B97F4A7C15UL

                if count = 512 then
                    None
                else
                    Some(output state, (count + 1, state)))
            (0, hash 0uy name)

    /// For each shard, the names from the one that it prefers most to the one that it prefers least, each with its
    /// weight.
    let preferences (names: string list) : (string * uint64) list[] =
        let names =
            names
            |> List.distinct
            |> List.sortWith (fun a b -> System.String.CompareOrdinal(a, b))
            |> List.map (fun name -> name, weights name)

        // The sort is stable: of equal weights, the first name in order comes first.
        Array.init 512 (fun shard ->
            names
            |> List.map (fun (name, weights) -> name, weights[shard])
            |> List.sortByDescending snd)
