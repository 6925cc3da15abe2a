namespace Matrix.Core.Room.Incoming.Arriving

open System.Collections.Generic
open Matrix.Core.Room.Incoming.Facts
open Matrix.Core.Room.Incoming.Protocol
open Matrix.Core.Room.Incoming.Staging
open Matrix.Core.Room.Incoming.Graph
open Matrix.Core.Room.Incoming.Deciding
open Matrix.Core.Room.Incoming.Fetching

/// Takes outliers from responses: auth events, and events of fetched states, of which there may be thousands. One whose
/// signatures and hash hold, and whose auth events are decided, needs nothing else. It is decided at once, without
/// being staged, in the order in which staged events are decided. All others are staged.
[<Sealed>]
type internal FetchedOutliers
    (
        log: UndoLog,
        frontier: Undoable<Frontier>,
        known: KnownEvents,
        staging: Staging,
        missingEvents: MissingEvents,
        arriving: Arriving,
        fetchMissing: FetchMissing,
        deciding: Deciding,
        limits: IncomingLimits
    ) =

    /// Whether nothing is lacking but, perhaps, auth events.
    let isWhole (event: ReceivedEvent) (budget: FetchBudget) : bool =
        let pdu = event.Pdu

        limits.InBulk
        && event.HashHolds
        && not (staging.RequestLimits.IsNotStored pdu.EventId)
        && pdu.RoomId = frontier.Value.RoomId
        && missingEvents.IsMissing(pdu.EventId, false)
        && not (budget.IsHopeless(pdu.EventId, false))
        && not (Array.contains pdu.EventId pdu.PrevEvents)
        && (Signing.state event (fun _ -> false)).IsHolds

    /// The whole ones of these events, each once, within the bounds of staged events.
    let candidatesOf (events: ReceivedEvent[]) (peer: string) (budget: FetchBudget) : List<Staged> =
        let found = List<Staged>(events.Length)
        let met = HashSet<string>()
        let mutable bytes = staging.Events.Bytes

        for event in events do
            if
                budget.Chain + found.Count < limits.AuthChain
                && isWhole event budget
                && met.Add event.Pdu.EventId
            then
                let s = arriving.Outlier(event, peer, budget)
                bytes <- bytes + s.Bytes

                if bytes <= int64 limits.StagedBytes then
                    found.Add s

        found

    /// Takes the events of a response, and returns those that are decided, in the order of the decisions.
    member _.Take(events: ReceivedEvent[], peer: string, budget: FetchBudget) : List<DecidedEvent> =
        let candidates = candidatesOf events peer budget
        let indexes = Dictionary<string, int>(candidates.Count)

        for at in 0 .. candidates.Count - 1 do
            indexes[candidates[at].Id] <- at

        // The auth events of each candidate that are not decided, and the candidates that name it.
        let undecided = Array.zeroCreate<int> candidates.Count
        let naming = Array.zeroCreate<List<int> | null> candidates.Count
        let ready = PriorityQueue<int, DecisionPlace>(DecisionOrder.comparer)

        for at in 0 .. candidates.Count - 1 do
            for id in fetchMissing.AuthEventsOf candidates[at] do
                match indexes.TryGetValue id with
                | true, named ->
                    undecided[at] <- undecided[at] + 1

                    match naming[named] with
                    | null -> naming[named] <- List [ at ]
                    | all -> all.Add at
                | _ ->
                    // It has to be fetched, or is staged: then this one is staged, too.
                    if not (isNull (staging.Find id)) || isNull (known.Find id) then
                        undecided[at] <- undecided[at] + 1

            if undecided[at] = 0 then
                ready.Enqueue(at, candidates[at].DecisionPlace)

        let decided = List<DecidedEvent>(candidates.Count)
        let decidedIds = HashSet<string>()

        while ready.Count > 0 && frontier.Value.Numbers.HasOutlier do
            let at = ready.Dequeue()
            let s = candidates[at]

            // One may lack facts: the others go on, so that all that is lacking is looked up together.
            match log.Attempt(fun () -> deciding.Outlier s) with
            | ValueNone -> ()
            | ValueSome decision ->
                decided.Add decision
                decidedIds.Add s.Id |> ignore
                staging.Wake s.Id

                match naming[at] with
                | null -> ()
                | all ->
                    for by in all do
                        undecided[by] <- undecided[by] - 1

                        if undecided[by] = 0 then
                            ready.Enqueue(by, candidates[by].DecisionPlace)

        budget.Chain <- budget.Chain + decided.Count

        for event in events do
            if budget.Chain < limits.AuthChain && not (decidedIds.Contains event.Pdu.EventId) then
                arriving.Stage(event, peer, budget, Arrival.InBulk)

        decided
