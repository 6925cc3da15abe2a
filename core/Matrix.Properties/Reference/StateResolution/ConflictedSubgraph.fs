/// The conflicted state subgraph. v1.19 rooms/v12#definitions
[<RequireQualifiedAccess>]
module Matrix.Properties.Reference.StateResolution.ConflictedSubgraph

open Matrix.Properties.Generators

/// All events on a path of auth events from one conflicted event to another.
let ofEvents (graph: RoomGraph) (conflicted: Set<string>) : Set<string> =
    // An event is on such a path if it is one of its ends, or if it is in the auth chain of one end and has the other
    // end in its own auth chain.
    Set.unionMany [
        for a in conflicted do
            let below = AuthChains.chain graph a

            for b in conflicted do
                if below.Contains b then
                    below
                    |> Set.filter (fun x -> (AuthChains.chain graph x).Contains b)
                    |> Set.add a
                    |> Set.add b
    ]
