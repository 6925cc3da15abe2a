namespace Matrix.Properties.Generators

open FsCheck
open FsCheck.FSharp
open Matrix.Core.Cluster

/// Nodes of clusters.
module ClusterGen =

    let private letters = "abcdefghijklmnopqrstuvwxyz0123456789"

    /// Names as operators and their tools give them: counted, drawn, or of one letter, so that some meet.
    let nodeName: Gen<string> =
        let drawn (length: int) =
            Gen.arrayOfLength length (Gen.elements letters) |> Gen.map System.String

        Gen.frequency [
            3, Gen.choose (0, 40) |> Gen.map (fun number -> $"node-{number}")
            2, Gen.choose (1, 9) |> Gen.map (fun number -> $"matrix{number}.example.org")
            2, Gen.map2 (fun set pod -> $"homeserver-{set}-{pod}") (drawn 10) (drawn 5)
            1, drawn 1
            1, Gen.elements [ ""; "Node-1"; "nœud"; "節点" ]
        ]

    /// A node at one of a few starts.
    let node: Gen<NodeIncarnation> =
        Gen.map2
            (fun name incarnation -> {
                Node = name
                Incarnation = int64<int> incarnation
            })
            nodeName
            (Gen.choose (1, 3))

    /// None to 16 nodes, and sometimes more. Some may have the same name, or be the same.
    let nodes: Gen<NodeIncarnation list> =
        Gen.frequency [ 9, Gen.choose (0, 16); 1, Gen.choose (17, 40) ]
        |> Gen.bind (fun count -> Gen.listOfLength count node)

    /// Fewer nodes, for views of which they are a part beside others.
    let fewNodes: Gen<NodeIncarnation list> =
        Gen.choose (0, 4) |> Gen.bind (fun count -> Gen.listOfLength count node)

    /// Lists without one of their nodes.
    let shrinkNodes (nodes: NodeIncarnation list) : seq<NodeIncarnation list> =
        seq { for without in 0 .. nodes.Length - 1 -> List.removeAt without nodes }
