namespace Matrix.Properties.Simulation

open System.Collections.Generic

/// The clock and the messages in flight. Actions that are due at the same time happen in the order of scheduling.
[<Sealed>]
type Network(plan: Plan, deliver: int -> int -> Message -> unit) =

    let agenda = PriorityQueue<unit -> unit, struct (int * int)>()
    let sentOn = Dictionary<struct (int * int), int>()
    let mutable now = 0
    let mutable entered = 0

    /// The fate of a link's n-th message depends only on the link and n, so that leaving out operations elsewhere
    /// changes it little.
    let rngOf from dest =
        let link = struct (from, dest)

        let n =
            match sentOn.TryGetValue link with
            | true, n -> n
            | _ -> 0

        sentOn[link] <- n + 1
        Rng(Rng.Mix(plan.Seed + uint64 (from * 64 + dest)) + uint64 n)

    let isCut from dest =
        plan.Troubles
        |> List.exists (fun trouble ->
            match trouble with
            | Trouble.Partition(since, until, side) when now >= since && now < until ->
                ((side >>> from) &&& 1) <> ((side >>> dest) &&& 1)
            | _ -> false)

    /// Milliseconds since the start.
    member _.Now = now

    /// Whether a partition separates two servers now.
    member _.IsCut(from: int, dest: int) : bool = isCut from dest

    /// Whether the network is without faults from now on.
    member val IsCalm = false with get, set

    /// The number of messages lost, at random or by a partition.
    member val Lost = 0 with get, set

    /// Does something later.
    member _.After(delay: int, what: unit -> unit) : unit =
        entered <- entered + 1
        agenda.Enqueue(what, struct (now + max 1 delay, entered))

    /// Sends a message, which may arrive late, twice or never.
    member this.Send(from: int, dest: int, message: Message) : unit =
        let arrive delay =
            this.After(delay, (fun () -> deliver from dest message))

        let noise = plan.Noise

        if this.IsCalm then
            arrive 5
        elif isCut from dest then
            this.Lost <- this.Lost + 1
        else
            let rng = rngOf from dest

            let delay () =
                let usual = noise.DelayFrom + rng.Below(noise.DelayTo - noise.DelayFrom + 1)

                if rng.Happens noise.LatePerMille then 10 * usual else usual

            if rng.Happens noise.LossPerMille then
                this.Lost <- this.Lost + 1
            else
                arrive (delay ())

            if rng.Happens noise.DuplicatePerMille then
                arrive (delay ())

    /// Runs until nothing is scheduled, or `goOn` is false.
    member _.Run(goOn: unit -> bool) : unit =
        let mutable next = Unchecked.defaultof<unit -> unit>
        let mutable at = struct (0, 0)

        while agenda.Count > 0 && goOn () do
            if agenda.TryDequeue(&next, &at) then
                let struct (time, _) = at
                now <- max now time
                next ()
