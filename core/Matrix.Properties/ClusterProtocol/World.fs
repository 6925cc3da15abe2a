namespace Matrix.Properties.ClusterProtocol

/// Where decisions read what is stored.
[<RequireQualifiedAccess>]
type Source =
    /// From the tables, as lanes of rooms do.
    | Tables
    /// From a cache that follows the changes, as many things do that a user's lock protects.
    | Cache

/// What is explored: how it begins, and how much may happen.
type World = {
    Name: string
    /// What it is about, in a sentence.
    Meaning: string
    /// By start of a node: the number of its name. The first two run at the beginning; a third begins later.
    Starts: int[]
    /// The owner of each room at the beginning.
    Owners: int[]
    /// The room of each request.
    Requests: int[]
    /// The most events of a node that wait for the disk.
    Pipeline: int
    /// How many faults may happen.
    Faults: int
    /// How many times a shard may be given.
    Gives: int
    Reads: Source
}

/// Worlds.
[<RequireQualifiedAccess>]
module World =

    /// The node that a start is of, as counterexamples name it.
    let nameOf (start: int) : string =
        match start with
        | 0 -> "A"
        | 1 -> "B"
        | _ -> "A (started again)"

    /// The beginning: nodes that run, and nothing written.
    let initial (world: World) : State =
        let shards (start: int) =
            world.Owners
            |> Array.map (fun owner -> {
                State.closed owner with
                    IsOpen = (owner = start)
                    IsOwned = (owner = start)
            })

        {
            Log = [||]
            Rows = [|
                for name in Array.distinct world.Starts ->
                    {
                        Incarnation = Array.findIndex ((=) name) world.Starts
                        IsAlive = true
                        LastFlush = 0
                    }
            |]
            Owners = world.Owners
            Sessions = []
            Nodes = [|
                for start in 0 .. world.Starts.Length - 1 ->
                    if start < 2 then
                        State.idle world.Starts[start] Status.Running (shards start)
                    else
                        State.idle world.Starts[start] Status.Absent (shards start)
            |]
            Declared = Array.create world.Starts.Length false
            Answered = Array.create world.Requests.Length false
            FaultsLeft = world.Faults
            GivesLeft = world.Gives
        }

    let private one = {
        Name = "one-room"
        Meaning = "A room and its owner; the other node may get it."
        Starts = [| 0; 1 |]
        Owners = [| 0 |]
        Requests = [| 0; 0 |]
        Pipeline = 2
        Faults = 1
        Gives = 1
        Reads = Source.Cache
    }

    /// The worlds that tests explore in full.
    let all: World list = [
        one
        {
            one with
                Name = "one-room-tables"
                Meaning = "The same, where decisions read the tables."
                Reads = Source.Tables
        }
        {
            one with
                Name = "to-and-fro"
                Meaning = "A room that is given to the other node and back, without faults."
                Requests = [| 0; 0; 0 |]
                Faults = 0
                Gives = 2
        }
        {
            one with
                Name = "to-and-fro-with-faults"
                Meaning = "The same with one request and a fault."
                Requests = [| 0 |]
                Gives = 2
        }
        {
            one with
                Name = "two-rooms"
                Meaning = "Both nodes have a room, and write at once."
                Owners = [| 0; 1 |]
                Requests = [| 0; 1 |]
                Gives = 0
        }
        {
            one with
                Name = "restart"
                Meaning = "The owner may be started again while its first start runs."
                Starts = [| 0; 1; 0 |]
                Requests = [| 0 |]
                Faults = 0
                Gives = 0
        }
    ]
