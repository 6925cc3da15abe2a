namespace Matrix.Core.Room.Incoming

open System.Collections.Generic

/// What is missing, and asking peers for it.
[<Sealed>]
type internal MissingEvents(known: KnownEvents, staging: Staging) =

    /// Whether an event is neither known nor waiting: `withState`, whether it is to be known in its place in the graph.
    member _.IsMissing(eventId: string, withState: bool) : bool =
        isNull (staging.Find eventId)
        && (match known.Find eventId with
            | null -> true
            | known -> withState && known.IsOutlier)

    /// Those that are neither known nor waiting, and whether any waits. `s` waits for all of them.
    member this.LookFor(s: Staged, withState: bool, ids: seq<string>) : struct (List<string> * bool) =
        let missing = List<string>()
        let mutable waits = false

        for id in ids do
            match staging.Find id with
            | null ->
                if this.IsMissing(id, withState) then
                    missing.Add id
                    // It may come by itself.
                    staging.Await(s, id)
            | other ->
                if withState && other.IsOutlier && not (other.Budget.IsHopeless(id, true)) then
                    other.IsOutlier <- false
                    staging.NotReady other
                    staging.Again other

                staging.Await(s, id)
                waits <- true

        struct (missing, waits)

    /// A peer may be asked again for the state before an event: what it told was not kept.
    member _.ForgetState(s: Staged, peer: string) : unit =
        s.Budget.Asked.Remove(struct (peer, "state " + s.Id)) |> ignore

    /// A peer had nothing to say: the next one's turn.
    member _.Nothing(s: Staged, purpose: Purpose) : unit =
        match purpose with
        | Purpose.Previous -> s.SeekTurn <- s.SeekTurn + 1
        | Purpose.State -> s.StateTurn <- s.StateTurn + 1
        | Purpose.AuthEvents -> s.AuthTurn <- s.AuthTurn + 1
        | Purpose.Keys
        | Purpose.StateEvents -> ()

    /// Asks a peer what it was not asked before for the sake of the same received event. An event may be asked for twice: with the
    /// state around it, and without when that was not to be had. Events of a told state are asked for once for each such state:
    /// they may be too many to remember.
    member this.Ask(s: Staged, peer: string, purpose: Purpose, request: Request) : unit =
        let isNew key = s.Budget.Asked.Add(struct (peer, key))

        let left =
            match request with
            | Request.Events _ when purpose = Purpose.StateEvents -> ValueSome request
            | Request.Events ids ->
                let place = if purpose = Purpose.Previous then "event " else "outlier "

                match ids |> Array.filter (fun id -> isNew (place + id)) with
                | [||] -> ValueNone
                | ids -> ValueSome(Request.Events ids)
            | Request.AuthChain id when not (isNew ("auth chain " + id)) -> ValueNone
            | Request.Missing(latest, _, _) when not (isNew ("missing " + latest)) -> ValueNone
            | Request.StateBefore id when not (isNew ("state " + id)) -> ValueNone
            | request -> ValueSome request

        match left with
        | ValueSome request -> staging.Ask(s, peer, purpose, request)
        | ValueNone ->
            this.Nothing(s, purpose)
            staging.Again s
