namespace Matrix.Core.Cluster

open System
open System.Collections.Generic

type NodeIncarnation = { Node: string; Incarnation: int64 }

[<Sealed>]
type ClusterView(ready: seq<NodeIncarnation>, leaving: seq<NodeIncarnation>) =

    let alive = HashSet<NodeIncarnation>(Seq.append ready leaving)

    let staying =
        ready
        |> Seq.except leaving
        |> Seq.groupBy _.Node
        |> Seq.map (fun (_, incarnations) -> incarnations |> Seq.maxBy _.Incarnation)
        |> Array.ofSeq

    do staying.AsSpan().Sort(fun a b -> String.CompareOrdinal(a.Node, b.Node))

    member _.Ready: IReadOnlyList<NodeIncarnation> = staying

    member _.IsAlive(node: NodeIncarnation) : bool = alive.Contains node
