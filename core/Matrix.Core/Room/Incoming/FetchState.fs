namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.State

/// The state before an event whose previous events nobody has: asked of one peer after the other, looked through, and built.
[<Sealed>]
type internal FetchState(known: KnownEvents, staging: Staging, missingEvents: MissingEvents, limits: IncomingLimits) =

    /// Those that wait or are not known. What nobody was asked for yet is added to `unasked`, up to one more than `most`: then it is too much,
    /// and the rest is not looked at.
    let undecided (told: FetchedState) (unasked: List<string>) (most: int) (ids: seq<string>) : List<string> =
        let found = List<string>()

        for id in ids |> Seq.takeWhile (fun _ -> unasked.Count <= most) do
            if not (isNull (staging.Find id)) then
                found.Add id
            elif isNull (known.Find id) then
                found.Add id

                if told.Fetched.Add id then
                    unasked.Add id

        found

    /// The state that was told, all of whose events are decided; null if it is none: twice the same key, or no create event.
    let stateOf (told: string[]) : StateTree | null =
        let entries = List<StateEntry>()
        let keys = HashSet<struct (string * string)>()
        let mutable isState = true

        for id in told do
            match known.Find id with
            | null -> isState <- false
            | known when known.IsRejected -> ()
            | known ->
                let pdu = known.Event.Pdu

                match pdu.StateKey with
                | null -> isState <- false
                | key ->
                    isState <- isState && keys.Add(struct (pdu.Type, key))
                    entries.Add(StateEntry.Of(pdu.Type, key, id, known.Ordinal))

        if isState && keys.Contains(struct ("m.room.create", "")) then
            StateTree.OfEntries(entries, false)
        else
            null

    let soughtOf (s: Staged) (peer: string) =
        match s.Budget.OfStates.TryFind peer with
        | ValueSome count -> count
        | ValueNone -> 0

    /// What the peer told leads nowhere: the next is asked.
    member _.Next(s: Staged) : unit =
        staging.ReleaseState s
        s.StateFrom <- null
        s.StateTurn <- s.StateTurn + 1
        staging.Again s

    /// The event has its state and waits for something else: it lets those in the line ask for theirs, and asks the same peer again after them.
    member _.GiveWay(s: Staged) : unit =
        match s.StateFrom with
        | null -> ()
        | peer -> missingEvents.ForgetState(s, peer)

        staging.ReleaseState s
        s.StateFrom <- null
        staging.Again s

    /// Looks at what a peer told, and asks for what is missing of it. Once all of it is known, the event has the state before it.
    member this.Look(s: Staged, told: FetchedState) : unit =
        let sought = soughtOf s told.Peer
        let most = limits.AuthChain - max sought s.Budget.Chain
        let unasked = List<string>()
        let unknown = undecided told unasked most told.Unknown
        // The chain comes along in one answer, rather than event by event.
        undecided told unasked most told.Chain |> ignore
        told.Unknown <- unknown
        told.Chain <- [||]
        let missing = unknown.FindAll(fun id -> isNull (staging.Find id))

        // No event stands in the state before it.
        if
            unknown.Contains s.Id
            || missing.Exists(fun id -> s.Budget.IsHopeless(id, false))
        then
            this.Next s
        elif unasked.Count > most then
            s.TooMuch <- true
            this.Next s
        elif unasked.Count > 0 then
            s.Budget.OfStates.Set(told.Peer, sought + unasked.Count)
            missingEvents.Ask(s, told.Peer, Purpose.StateEvents, Request.Events(unasked.ToArray()))
        elif missing.Count > 0 then
            this.Next s
        elif unknown.Count > 0 then
            for id in unknown do
                staging.Await(s, id)
        else
            match stateOf told.Ids with
            | null -> this.Next s
            | state ->
                // It keeps its place: this is as large as what was told.
                s.Trusted <- state
                staging.ForgetFetched s
                staging.Again s

    /// Asks the next peer, once it is the event's turn; drops it if all were asked.
    member _.Ask(s: Staged) : unit =
        if s.StateTurn < s.Peers.Length then
            if staging.HoldsState s then
                missingEvents.Ask(s, s.Peers[s.StateTurn], Purpose.State, Request.StateBefore s.Id)
        else
            staging.Drop(
                s,
                if s.TooMuch then
                    DropReason.TooMuchMissing limits.AuthChain
                else
                    DropReason.StateUnavailable
            )
