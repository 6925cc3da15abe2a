namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Ident
open Matrix.Core.State

/// What each waiting event still needs, and what answers bring: signatures, previous events or the state before the event, auth
/// events, in this order. Previous events come first because they mostly bring the auth events along, with their own past.
[<Sealed>]
type internal Gathering
    (
        server: string,
        roomId: string,
        createId: string,
        ledger: Ledger,
        staging: Staging,
        limits: IncomingLimits,
        practices: Practices
    ) =

    /// Whom to ask about an event: who gave it, who sent it, and then the room.
    let peersOf (peer: string) (event: ReceivedEvent) : Lazy<string[]> =
        lazy
            (Seq.append [ peer; UserId.server event.Pdu.Sender ] ledger.Servers
             |> Seq.filter (fun other -> other <> "" && other <> server)
             |> Seq.distinct
             |> Seq.truncate limits.Peers
             |> Seq.toArray)

    let isMissing (withState: bool) (eventId: string) =
        isNull (staging.Find eventId)
        && (match ledger.Find eventId with
            | null -> true
            | known -> withState && known.IsOutlier)

    /// Those that are neither known nor waiting. `s` waits for those that wait.
    let lookFor (s: Staged) (withState: bool) (ids: seq<string>) : struct (List<string> * bool) =
        let missing = List<string>()
        let mutable waits = false

        for id in ids do
            match staging.Find id with
            | null ->
                if isMissing withState id then
                    missing.Add id
                    // It may come by itself.
                    staging.Await(s, id)
            | other ->
                if withState && other.IsOutlier && not (other.Effort.IsHopeless(id, true)) then
                    other.IsOutlier <- false
                    staging.NotReady other
                    staging.Again other

                staging.Await(s, id)
                waits <- true

        struct (missing, waits)

    /// A peer had nothing to say: the next one's turn.
    let nothing (s: Staged) (purpose: Purpose) : unit =
        match purpose with
        | Purpose.Previous -> s.SeekTurn <- s.SeekTurn + 1
        | Purpose.State -> s.StateTurn <- s.StateTurn + 1
        | Purpose.AuthEvents -> s.AuthTurn <- s.AuthTurn + 1
        | Purpose.Keys
        | Purpose.StateEvents -> ()

    /// Asks a peer what it was not asked before for the sake of the same received event. An event may be asked for twice: with the state around
    /// it, and without when that was not to be had.
    let ask (s: Staged) (peer: string) (purpose: Purpose) (question: Question) : unit =
        let isNew key = s.Effort.Asked.Add(struct (peer, key))

        let left =
            match question with
            | Question.Events ids ->
                let place = if purpose = Purpose.Previous then "event " else "outlier "

                match ids |> Array.filter (fun id -> isNew (place + id)) with
                | [||] -> ValueNone
                | ids -> ValueSome(Question.Events ids)
            | Question.AuthChain id when not (isNew ("auth chain " + id)) -> ValueNone
            | Question.Missing(latest, _, _) when not (isNew ("missing " + latest)) -> ValueNone
            | Question.StateBefore id when not (isNew ("state " + id)) -> ValueNone
            | question -> ValueSome question

        match left with
        | ValueSome question -> staging.Ask(s, peer, purpose, question)
        | ValueNone ->
            nothing s purpose
            staging.Again s

    let authEventsOf (s: Staged) : string[] =
        let cited =
            if s.Effort.Foreign.Count = 0 then
                s.Pdu.AuthEvents
            else
                s.Pdu.AuthEvents |> Array.filter (s.CitesForeign >> not)

        if createId <> "" && s.Pdu.Type <> "m.room.create" then
            Array.append cited [| createId |]
        else
            cited

    /// An auth event that turns out to be of another room is a reason to reject, which the rules have. Its room is what its server
    /// signed; create events ask nothing of auth events.
    let noteForeign (s: Staged) (event: ReceivedEvent) : unit =
        if
            event.Pdu.RoomId <> roomId
            && Array.contains event.Pdu.EventId s.Pdu.AuthEvents
            && Signing.state event (fun _ -> true) = SignatureState.Holds
        then
            s.Effort.Foreign.TryAdd(event.Pdu.EventId, event.Pdu) |> ignore

    /// Auth events: of all that an event needs, the last.
    let authEvents (s: Staged) : unit =
        let struct (missing, waits) = lookFor s false (authEventsOf s)

        if missing.Count > 0 then
            if
                s.AuthTurn > s.Peers.Length
                || s.Peers.Length = 0
                || missing.Exists(fun id -> s.Effort.IsHopeless(id, false))
            then
                staging.Drop(s, DropReason.AuthEventUnavailable missing[0])
            elif s.Effort.Chain >= limits.AuthChain then
                staging.Drop(s, DropReason.TooMuchMissing limits.AuthChain)
            elif s.AuthTurn = 0 then
                ask s s.Peers[0] Purpose.AuthEvents (Question.AuthChain s.Id)
            else
                ask s s.Peers[s.AuthTurn - 1] Purpose.AuthEvents (Question.Events(missing.ToArray()))
        elif not waits then
            staging.Ready s

    let nextTeller (s: Staged) =
        staging.ReleaseState s
        s.ToldBy <- null
        s.StateTurn <- s.StateTurn + 1
        staging.Again s

    /// The state that was told, all of whose events are decided; null if it is none: twice the same key, or no create event.
    let stateOf (told: string[]) : StateTree | null =
        let entries = List<StateEntry>()
        let keys = HashSet<struct (string * string)>()
        let mutable isState = true

        for id in told do
            match ledger.Find id with
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

    /// The events of the state that a peer told.
    let told (s: Staged) (ids: string[]) : unit =
        let struct (missing, waits) = lookFor s false ids

        // The chain comes along in one answer, rather than event by event.
        let unasked =
            Seq.append missing (s.ToldChain |> Seq.filter (isMissing false))
            |> Seq.filter (fun id -> not (s.Fetched.Contains id))
            |> Seq.distinct
            |> Seq.toArray

        // No event stands in the state before it.
        if
            missing.Exists(fun id -> s.Effort.IsHopeless(id, false))
            || Array.contains s.Id ids
        then
            nextTeller s
        elif unasked.Length > 0 then
            if s.Effort.Chain + unasked.Length > limits.AuthChain then
                s.TooMuch <- true
                nextTeller s
            else
                s.Fetched.UnionWith unasked
                ask s (string s.ToldBy) Purpose.StateEvents (Question.Events unasked)
        elif missing.Count > 0 then
            nextTeller s
        elif not waits then
            match stateOf ids with
            | null -> nextTeller s
            | state ->
                s.Trusted <- state
                staging.ReleaseState s
                staging.Again s

    let askForState (s: Staged) =
        if s.StateTurn < s.Peers.Length then
            if staging.HoldsState s then
                ask s s.Peers[s.StateTurn] Purpose.State (Question.StateBefore s.Id)
        else
            staging.Drop(
                s,
                if s.TooMuch then
                    DropReason.TooMuchMissing limits.AuthChain
                else
                    DropReason.StateUnavailable
            )

    let walk (s: Staged) (missing: List<string>) (earliest: Lazy<string[]>) =
        let left = limits.Walk - s.Effort.Walked
        let believes = practices.BelievesStates && s.StateTurn < s.Peers.Length

        let isHopeless = missing.Exists(fun id -> s.Effort.IsHopeless(id, true))

        if left <= 0 || s.SeekTurn >= s.Peers.Length || isHopeless || believes then
            askForState s
        elif s.SeekTurn = 0 then
            ask s s.Peers[0] Purpose.Previous (Question.Missing(s.Id, earliest.Value, min limits.Page left))
        else
            ask s s.Peers[s.SeekTurn] Purpose.Previous (Question.Events(missing.ToArray()))

    /// Previous events, or the state before the event.
    let previousEvents (s: Staged) (earliest: Lazy<string[]>) : unit =
        let struct (missing, waits) = lookFor s true s.Pdu.PrevEvents

        if missing.Count > 0 && isNull s.Trusted then
            match s.Told with
            | null -> walk s missing earliest
            | ids -> told s ids
        elif not waits then
            authEvents s

    let signatures (s: Staged) : bool =
        if s.Peer = "" then
            true
        else
            match Signing.state s.Event s.KeysAsked.Contains with
            | SignatureState.Holds -> true
            | SignatureState.Broken by ->
                if s.TakeCopy() then
                    staging.Again s
                else
                    staging.Drop(s, DropReason.NotSigned by)

                false
            | SignatureState.NeedsKeys of' ->
                s.KeysAsked.Add of' |> ignore
                let all = s.Event.Signatures |> Array.map _.Signature
                staging.Ask(s, of', Purpose.Keys, Question.Keys(of', all))
                false

    /// Whether an event still lacks what it asked for: it may have come by another way.
    let stillLacks (s: Staged) (purpose: Purpose) : bool =
        let lacks withState ids =
            let struct (missing, _) = lookFor s withState ids
            missing.Count > 0

        match purpose with
        | Purpose.Keys -> true
        | Purpose.Previous
        | Purpose.State
        | Purpose.StateEvents -> lacks true s.Pdu.PrevEvents
        | Purpose.AuthEvents -> lacks false (authEventsOf s)

    /// Takes an event that came. `effort` is whose sake it came for.
    member _.Stage(event: ReceivedEvent, peer: string, effort: Effort, isOutlier: bool) : unit =
        let pdu = event.Pdu
        let id = pdu.EventId

        match staging.Find id with
        | null ->
            if isMissing (not isOutlier) id && not (effort.IsHopeless(id, not isOutlier)) then
                if pdu.RoomId <> roomId then
                    staging.Report(id, DropReason.OtherRoom pdu.RoomId)
                elif Array.contains id pdu.PrevEvents || Array.contains id pdu.AuthEvents then
                    staging.Report(id, DropReason.Circular)
                else
                    let s = Staged(event, peer, peersOf peer event, effort, isOutlier)

                    match staging.Add s with
                    | ValueSome reason -> staging.Report(id, reason)
                    | ValueNone ->
                        if isOutlier then
                            effort.Chain <- effort.Chain + 1
                        else
                            effort.Walked <- effort.Walked + 1
        | s ->
            // Where servers choose identifiers, a copy may say anything else.
            if
                pdu.RoomId = roomId
                && s.Peer <> ""
                && Signing.state s.Event s.KeysAsked.Contains <> SignatureState.Holds
            then
                s.Keep event

            if s.IsOutlier && not isOutlier && not (s.Effort.IsHopeless(id, true)) then
                s.IsOutlier <- false
                staging.NotReady s
                staging.Again s

    /// Looks at an event: it becomes ready, asks for what it lacks, waits, or is dropped. `earliest` are the room's extremities.
    member _.Look(s: Staged, earliest: Lazy<string[]>) : unit =
        if staging.Holds s then
            match staging.PurposeOf s with
            | ValueSome purpose when not (stillLacks s purpose) ->
                staging.TakeBack s
                staging.ReleaseState s
            | _ -> ()

        if staging.Holds s && s.Asked < 0 && not s.IsReady && signatures s then
            if s.IsOutlier then
                authEvents s
            else
                previousEvents s earliest

    /// The state that a peer told leads nowhere: the next is asked.
    member _.AskAnother(s: Staged) : unit = nextTeller s

    /// Takes an answer.
    member this.Answer(number: int, answer: Answer) : unit =
        match staging.Answered number with
        | ValueNone -> ()
        | ValueSome(struct (ask, purpose, s)) ->
            let asked =
                match ask.Question with
                | Question.Events ids -> ValueSome(HashSet<string>(ids))
                | _ -> ValueNone

            // Of a question by identifiers only what was asked for, of any other no more than may be.
            let wanted (events: ReceivedEvent[]) =
                match asked with
                | ValueSome ids -> events |> Array.filter (fun e -> ids.Contains e.Pdu.EventId)
                | ValueNone -> events

            match purpose, answer with
            | Purpose.Keys, Answer.Signatures signatures -> s.Recheck signatures
            | Purpose.Previous, Answer.Events events ->
                let lacking () =
                    s.Pdu.PrevEvents |> Array.filter (isMissing true) |> Array.length

                let before = lacking ()

                for event in Array.truncate limits.Page (wanted events) do
                    if s.Effort.Walked < limits.Walk && event.Pdu.EventId <> s.Id then
                        this.Stage(event, ask.Peer, s.Effort, false)

                if lacking () = before then
                    s.SeekTurn <- s.SeekTurn + 1
            | Purpose.State, Answer.State(ids, chain) ->
                if ids.Length > limits.State || chain.Length > limits.State then
                    s.TooMuch <- true
                    s.StateTurn <- s.StateTurn + 1
                else
                    s.Told <- Array.distinct ids
                    s.ToldChain <- chain
                    s.ToldBy <- ask.Peer
            | Purpose.StateEvents, Answer.Events events ->
                for event in wanted events do
                    if s.Effort.Chain < limits.AuthChain then
                        this.Stage(event, ask.Peer, s.Effort, true)
            | Purpose.AuthEvents, Answer.Events events ->
                for event in wanted events do
                    noteForeign s event

                    if s.Effort.Chain < limits.AuthChain && event.Pdu.EventId <> s.Id then
                        this.Stage(event, ask.Peer, s.Effort, true)

                if authEventsOf s |> Array.exists (isMissing false) then
                    s.AuthTurn <- s.AuthTurn + 1
            | _ -> nothing s purpose

            staging.Again s
