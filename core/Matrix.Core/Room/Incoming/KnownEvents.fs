namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.StateRes

/// The decided events: the durable history, and on top of it the undurable decisions, in their order.
[<Sealed>]
type internal KnownEvents(log: UndoLog, history: IRoomHistory) =

    let undurable = List<Undurable>()
    let recent = Dictionary<string, DecidedEvent>()
    // The indexes of undurable events are built when they are first needed: rooms without other servers never need
    // them.
    let citing = Dictionary<string, List<string>>()
    let following = Dictionary<string, List<string>>()
    let mutable indexed = 0

    let note (index: Dictionary<string, List<string>>) (id: string) (by: string) =
        match index.TryGetValue id with
        | true, all -> all.Add by
        | _ -> index[id] <- List [ by ]

    let forget (index: Dictionary<string, List<string>>) (id: string) (by: string) =
        match index.TryGetValue id with
        | true, all ->
            all.Remove by |> ignore

            if all.Count = 0 then
                index.Remove id |> ignore
        | _ -> ()

    let change (apply: Dictionary<string, List<string>> -> string -> string -> unit) (known: KnownEvent) =
        let pdu = known.Event.Pdu

        if pdu.IsState && not known.IsRejected then
            for id in pdu.AuthEvents do
                apply citing id pdu.EventId

        if not known.IsOutlier then
            for id in pdu.PrevEvents do
                apply following id pdu.EventId

    let index () =
        while indexed < undurable.Count do
            change note undurable[indexed].Decided.Known
            indexed <- indexed + 1

    /// The undurable entries of an index for an event, the newest first, then those of the history.
    let both (index: Dictionary<string, List<string>>) (id: string) (ofHistory: seq<string>) =
        match index.TryGetValue id with
        | true, all ->
            Seq.append (Seq.distinct (Seq.rev all)) (ofHistory |> Seq.filter (fun by -> not (all.Contains by)))
        | _ -> ofHistory

    let takeBackLast () =
        let last = undurable.Count - 1
        let entry = undurable[last]
        let id = entry.Decided.Known.EventId

        if indexed > last then
            change forget entry.Decided.Known
            indexed <- last

        undurable.RemoveAt last

        match entry.Previously with
        // An earlier decision on the event may have become durable since: then the history has it.
        | NonNull earlier when last > 0 && earlier.Number >= undurable[0].Decided.Number -> recent[id] <- earlier
        | _ -> recent.Remove id |> ignore

    let find (eventId: string) : KnownEvent | null =
        match recent.TryGetValue eventId with
        | true, decided -> decided.Known
        | _ -> history.Known eventId

    /// The index of a decision among the undurable ones; -1 if it is none of them.
    let placeOf (number: int64) : int =
        let rec search low high =
            if low > high then
                -1
            else
                let middle = (low + high) / 2
                let there = undurable[middle].Decided.Number

                if there = number then middle
                elif there < number then search (middle + 1) high
                else search low (middle - 1)

        search 0 (undurable.Count - 1)

    /// The event with this id; null if it was not decided.
    member _.Find(eventId: string) : KnownEvent | null = find eventId

    /// The undurable decision on an event, without a look at the history; null if there is none.
    member _.FindUndurable(eventId: string) : DecidedEvent | null =
        match recent.TryGetValue eventId with
        | true, decided -> decided
        | _ -> null

    /// One more than the greatest height among an event's auth events.
    member _.HeightOf(known: KnownEvent) : int = known.HeightBy find

    /// The decided events, without outliers, that name an event in `prev_events`.
    member _.Following(eventId: string) : seq<string> =
        index ()
        both following eventId (history.Following eventId)

    /// The other servers of the room.
    member _.Servers = history.Servers()

    /// The number of undurable decisions.
    member _.UndurableCount = undurable.Count

    /// Adds an undurable decision.
    member _.Add(decided: DecidedEvent, before: Frontier, received: Staged | null) : unit =
        let id = decided.Known.EventId

        let previously: DecidedEvent | null =
            match recent.TryGetValue id with
            | true, earlier -> earlier
            | _ -> null

        undurable.Add {
            Decided = decided
            Before = before
            Previously = previously
            Received = received
            Trusted =
                match received with
                | null -> null
                | s -> s.Trusted
        }

        recent[id] <- decided

        if log.IsOpen then
            log.Note takeBackLast

    /// All decisions up to this one are now in the history. Ignored if it is not among the undurable ones.
    member _.Durable(number: int64) : unit =
        let place = placeOf number

        for i in 0..place do
            let known = undurable[i].Decided.Known

            if i < indexed then
                change forget known

            match recent.TryGetValue known.EventId with
            | true, latest when obj.ReferenceEquals(latest.Known, known) -> recent.Remove known.EventId |> ignore
            | _ -> ()

        if place >= 0 then
            undurable.RemoveRange(0, place + 1)
            indexed <- max 0 (indexed - place - 1)

    /// Takes back this decision and all later ones; none if it is not among the undurable ones.
    member _.TakeBack(number: int64) : Undurable[] =
        match placeOf number with
        | -1 -> [||]
        | place ->
            let taken = undurable.GetRange(place, undurable.Count - place).ToArray()

            for _ in taken do
                takeBackLast ()

            taken

    /// A state in the form that authorization reads.
    member _.AuthState(tree: StateTree) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                match tree.Find(eventType, stateKey) with
                | null -> null
                | entry ->
                    match find entry.EventId with
                    | null -> null
                    | known -> known.Event
    }

    /// The accepted auth events of an event as a state, with the room's create event where it is not named.
    member _.CitedState(pdu: Pdu, createId: string) : IAuthState =
        let accepted = List<AuthEvent>()

        let take id =
            match find id with
            | null -> ()
            | known ->
                if not known.IsRejected then
                    accepted.Add known.Event

        for id in pdu.AuthEvents do
            take id

        if createId <> "" then
            take createId

        {
            new IAuthState with
                member _.Find(eventType, stateKey) =
                    let mutable found: AuthEvent | null = null
                    let mutable i = 0

                    while isNull found && i < accepted.Count do
                        let event = accepted[i].Pdu

                        if event.Type = eventType && String.Equals(event.StateKey, stateKey) then
                            found <- accepted[i]

                        i <- i + 1

                    found
        }

    interface IEventSource with
        member _.Find eventId =
            match find eventId with
            | null -> null
            | known -> known.SourcedBy find

        member _.Citing eventId =
            index ()
            both citing eventId (history.Citing eventId)
