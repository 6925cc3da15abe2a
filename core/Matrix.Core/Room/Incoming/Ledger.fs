namespace Matrix.Core.Room.Incoming

open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.StateRes

/// Everything that was decided: the durable history, and above it what is not durable yet.
[<Sealed>]
type internal Ledger(history: IRoomHistory) =

    let recent = Dictionary<string, KnownEvent>()
    let citing = Dictionary<string, List<string>>()
    let following = Dictionary<string, List<string>>()

    let note (index: Dictionary<string, List<string>>) (id: string) (by: string) =
        match index.TryGetValue id with
        | true, all -> all.Add by
        | _ -> index[id] <- List [ by ]

    /// What is noted of an event here, the newest first, then what the history has.
    let both (index: Dictionary<string, List<string>>) (id: string) (ofHistory: seq<string>) =
        match index.TryGetValue id with
        | true, all -> Seq.append (Seq.rev all) (ofHistory |> Seq.filter (fun by -> not (all.Contains by)))
        | _ -> ofHistory

    let forget (index: Dictionary<string, List<string>>) (id: string) (by: string) =
        match index.TryGetValue id with
        | true, all ->
            all.Remove by |> ignore

            if all.Count = 0 then
                index.Remove id |> ignore
        | _ -> ()

    /// The event of that identifier; null if it was not decided.
    member _.Find(eventId: string) : KnownEvent | null =
        match recent.TryGetValue eventId with
        | true, known -> known
        | _ -> history.Known eventId

    /// The decided events, outliers excepted, that name an event as previous.
    member _.Following(eventId: string) : seq<string> =
        both following eventId (history.Following eventId)

    /// The other servers of the room.
    member _.Servers = history.Servers()

    /// Takes a decision.
    member this.Add(known: KnownEvent) : unit =
        let pdu = known.Event.Pdu

        let wasCiting =
            match this.Find pdu.EventId with
            | null -> false
            | before -> not before.IsRejected

        recent[pdu.EventId] <- known

        if pdu.IsState && not known.IsRejected && not wasCiting then
            for id in pdu.AuthEvents do
                note citing id pdu.EventId

        if not known.IsOutlier then
            for id in pdu.PrevEvents do
                note following id pdu.EventId

    /// A decision is in the history now. If the event was decided again since, the later decision is not.
    member _.Forget(known: KnownEvent) : unit =
        let eventId = known.EventId

        match recent.TryGetValue eventId with
        | true, latest when System.Object.ReferenceEquals(latest, known) ->
            recent.Remove eventId |> ignore

            for id in known.Event.Pdu.AuthEvents do
                forget citing id eventId

            for id in known.Event.Pdu.PrevEvents do
                forget following id eventId
        | _ -> ()

    /// How many decisions are not durable.
    member _.Recent = recent.Count

    /// A state that authorization can read.
    member this.AuthState(tree: StateTree) : IAuthState = {
        new IAuthState with
            member _.Find(eventType, stateKey) =
                match tree.Find(eventType, stateKey) with
                | null -> null
                | entry ->
                    match this.Find entry.EventId with
                    | null -> null
                    | known -> known.Event
    }

    /// The accepted events among those that an event cites, as a state, with the room's create event where it is not cited.
    member this.CitedState(pdu: Pdu, createId: string) : IAuthState =
        let accepted = List<AuthEvent>()

        let take id =
            match this.Find id with
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

                        if event.Type = eventType && System.String.Equals(event.StateKey, stateKey) then
                            found <- accepted[i]

                        i <- i + 1

                    found
        }

    interface IEventSource with
        member this.Find eventId =
            match this.Find eventId with
            | null -> null
            | known -> known.Sourced

        member _.Citing eventId =
            both citing eventId (history.Citing eventId)
