/// Placements in small and in many views.
module Matrix.Core.Tests.Cluster.PlacementTests

open System
open Expecto
open Matrix.Testing
open Matrix.Core.Cluster
open Matrix.Properties.Properties
open Matrix.Properties.Properties.PlacementProperties

let private node (name: string) : NodeIncarnation = { Node = name; Incarnation = 7L }

let private nodes (count: int) : NodeIncarnation list = [ for number in 1..count -> node $"node-{number}" ]

let private nobody: (NodeIncarnation | null)[] = Array.create Shards.Count null

let private asOwners (owners: NodeIncarnation[]) : (NodeIncarnation | null)[] =
    owners |> Array.map (fun owner -> owner: NodeIncarnation | null)

/// How many shards have other owners, apart from those of a node.
let private moved (node: NodeIncarnation) (one: NodeIncarnation[]) (other: NodeIncarnation[]) : int =
    (one, other)
    ||> Array.map2 (fun a b -> a <> b && a <> node && b <> node)
    |> Array.filter id
    |> Array.length

/// Of each size, this many views, with names that a fixed seed draws.
let private views (count: int) (size: int) : NodeIncarnation list list =
    let random = Random(size)
    [ for _ in 1..count -> [ for _ in 1..size -> node $"{random.NextInt64():x}" ] ]

/// The number of nodes, and what holds in each of 200 views: the least shards of a node, and the most shards that move
/// beside those of a node that joins, or leaves a view that is larger by one.
let private measured: (int * int * int) list = [
    1, 512, 0
    2, 240, 12
    3, 148, 13
    4, 104, 11
    5, 78, 13
    6, 64, 14
    8, 48, 15
    12, 23, 16
    16, 17, 15
]

let tests =
    testList "Cluster.PlacementTests" [
        test "The bound is a sixteenth above the mean, rounded up" {
            Expect.equal
                [
                    for count in [ 0; 1; 2; 3; 4; 8; 16; 511; 512; 544; 545; Int32.MaxValue ] -> Placement.Bound count
                ]
                [ 0; 512; 272; 182; 136; 68; 34; 2; 2; 1; 1; 1 ]
                "bounds"
        }

        test "The placement among three nodes stays what it is" {
            let placement = place (nodes 3)
            let numbers = placement |> Array.map (fun owner -> owner.Node[5..])

            Expect.equal
                (String.concat "" numbers[..63])
                "3231111222113112133232212113323313223233123333111221212313232223"
                "first shards"

            Expect.equal
                (numbers |> Array.countBy id |> Array.sort |> List.ofArray)
                [ "1", 171; "2", 172; "3", 169 ]
                "shards of each node"
        }

        test "More nodes than shards: no node has more than two" {
            let shares = place (nodes 520) |> Array.countBy id
            Expect.isTrue (shares |> Array.forall (fun (_, shards) -> shards <= Placement.Bound 520)) "shares"
        }

        for size, least, most in measured do
            test $"Among {size} nodes each has {least} shards at least, and {most} move beside the shards of a joiner" {
                let results = [
                    for ready in views 200 size do
                        let owners = place ready
                        let joiner = node "joiner"

                        owners |> Array.countBy id |> Array.map snd |> Array.min,
                        moved joiner owners (place (joiner :: ready))
                ]

                Expect.equal
                    (results |> List.map fst |> List.min, results |> List.map snd |> List.max)
                    (least, most)
                    "results"
            }

        test "The first node takes all shards, a second is given its own by the first" {
            let one, two = node "node-1", node "node-2"
            let takes = findMoves [ one ] [] nobody
            Expect.equal (takes |> Array.countBy _.Kind |> List.ofArray) [ ShardMoveKind.Take, Shards.Count ] "moves"

            let gives = findMoves [ one; two ] [] (asOwners (place [ one ]))
            let shards = place [ one; two ] |> Array.filter ((=) two) |> Array.length

            Expect.equal
                (gives |> Array.countBy (fun m -> m.Kind, m.From, m.To) |> List.ofArray)
                [ (ShardMoveKind.Give, one, two), shards ]
                "moves"
        }

        test "A node that leaves in order gives its shards, one that died has them taken" {
            let owners = asOwners (place (nodes 3))
            let others, leaver = nodes 2, node "node-3"

            let kinds (moves: ShardMove[]) =
                moves |> Array.filter (fun m -> m.From = leaver) |> Array.countBy _.Kind

            let shards = owners |> Array.filter ((=) leaver) |> Array.length

            Expect.equal (kinds (findMoves others [ leaver ] owners)) [| ShardMoveKind.Give, shards |] "leaving"
            Expect.equal (kinds (findMoves others [] owners)) [| ShardMoveKind.Take, shards |] "dead"
        }

        test "A node that started again takes what it had" {
            let owners = asOwners (place (nodes 3))
            let restarted = { node "node-2" with Incarnation = 8L }

            let moves =
                findMoves (restarted :: List.except [ node "node-2" ] (nodes 3)) [] owners

            Expect.equal
                (moves |> Array.countBy (fun m -> m.Kind, m.From, m.To) |> List.ofArray)
                [
                    (ShardMoveKind.Take, node "node-2", restarted),
                    owners |> Array.filter ((=) (node "node-2")) |> Array.length
                ]
                "moves"
        }

        test "The last node that leaves keeps its shards: nobody can have them" {
            Expect.isEmpty (findMoves [] [ node "node-1" ] (asOwners (place (nodes 1)))) "moves"
        }
    ]
