/// The properties of placements fail for placements and moves with a defect.
module Matrix.Core.Tests.Cluster.BrokenPlacementTests

open Expecto
open Matrix.Testing
open Matrix.Core.Cluster
open Matrix.Properties
open Matrix.Properties.Properties
open Matrix.Properties.Properties.PlacementProperties
open Matrix.Properties.Reference

let private byName (ready: NodeIncarnation list) : NodeIncarnation list =
    ready |> List.distinctBy _.Node |> List.sortBy _.Node

let private named (ready: NodeIncarnation list) (name: string) : NodeIncarnation =
    ready |> List.find (fun node -> node.Node = name)

/// What is wrong, the placement, and a property that notices it.
let private placements: (string * PlaceShards * string) list = [
    "without a bound",
    (fun ready ->
        if ready.IsEmpty then
            [||]
        else
            ready
            |> List.map _.Node
            |> LiteralShards.preferences
            |> Array.map (List.head >> fst >> named ready)),
    "placement.bounded"
    "by the remainder",
    (fun ready ->
        let nodes = byName ready

        [|
            for shard in 0 .. Shards.Count - 1 do
                if not nodes.IsEmpty then
                    nodes[shard % nodes.Length]
        |]),
    "placement.few-move"
    "in the order of the list",
    (fun ready ->
        let nodes = List.distinct ready

        [|
            for shard in 0 .. Shards.Count - 1 do
                if not nodes.IsEmpty then
                    nodes[shard % nodes.Length]
        |]),
    "placement.order"
    "by incarnations",
    (fun ready ->
        let renamed =
            ready
            |> List.map (fun node -> {
                node with
                    Node = $"{node.Node}/{node.Incarnation}"
            })

        place renamed
        |> Array.map (fun owner -> ready[List.findIndex ((=) owner) renamed])),
    "placement.restart"
    "the last shards have no owner", (fun ready -> place ready |> Array.truncate (Shards.Count - 1)), "placement.total"
    "lower numbers are admitted, not greater weights",
    (fun ready ->
        let bound = Placement.Bound (byName ready).Length

        ((Map.empty, []),
         (if ready.IsEmpty then
              [||]
          else
              LiteralShards.preferences (List.map _.Node ready)))
        ||> Array.fold (fun (loads, owners) choices ->
            let load (name: string) =
                loads |> Map.tryFind name |> Option.defaultValue 0

            let owner, _ = choices |> List.find (fun (name, _) -> load name < bound)
            Map.add owner (load owner + 1) loads, named ready owner :: owners)
        |> snd
        |> List.rev
        |> List.toArray),
    "placement.refusals"
]

/// The same for moves.
let private moves: (string * FindMoves * string) list = [
    "what died is asked to give",
    (fun ready leaving owners ->
        findMoves ready leaving owners
        |> Array.map (fun move -> { move with Kind = ShardMoveKind.Give })),
    "placement.moves"
    "a node has what it had before it started again",
    (fun ready leaving owners ->
        findMoves ready leaving owners
        |> Array.filter (fun move ->
            match move.From with
            | null -> true
            | owner -> owner.Node <> move.To.Node)),
    "placement.steps"
    "nodes that leave keep their shards",
    (fun ready leaving owners ->
        findMoves ready leaving owners
        |> Array.filter (fun move ->
            match move.From with
            | null -> true
            | owner -> not (List.contains owner leaving))),
    "placement.steps"
]

let private isNoticed (properties: Property list) (name: string) : unit =
    let fault =
        properties
        |> List.find (fun property -> property.Name = name)
        |> Checking.run 300 20261129UL
        |> _.Fault

    Expect.notEqual fault None "fault"

let tests =
    testList "Cluster.BrokenPlacementTests" [
        for defect, place, property in placements do
            test $"A placement {defect} is noticed" { isNoticed (ofPlacing place) property }

        for defect, findMoves, property in moves do
            test $"Moves by which {defect} are noticed" { isNoticed (ofMoves findMoves) property }
    ]
