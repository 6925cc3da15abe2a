namespace Matrix.Core.StateRes

open System
open System.Collections.Generic
open Matrix.Core.Auth
open Matrix.Core.Json

/// The part of the auth event graph that one resolution visits. Events are numbers here, assigned as they are met. The
/// first fault ends the walk: nothing is loaded after it.
[<Sealed>]
type internal AuthGraph(source: IEventSource, states: StatesToResolve, limits: ResolutionLimits) =

    let numbers = Dictionary<string, int>()
    let events = List<SourcedEvent>()
    let cited = List<int[] | null>()
    let inUnconflicted = List<sbyte>()
    let aboveShared = Dictionary<int, bool>()
    let mutable fault: ResolutionError voption = ValueNone

    let conflictedKeys =
        HashSet<struct (string * string)>(states.Conflicted |> Seq.map (fun e -> struct (e.Type, e.StateKey)))

    /// The first fault, if any.
    member _.Fault = fault

    member _.Fail(error: ResolutionError) =
        if fault.IsNone then
            fault <- ValueSome error

    /// The number of events met.
    member _.Count = events.Count

    member _.Event(n: int) : AuthEvent = events[n].Event
    member _.Id(n: int) : string = events[n].Event.Pdu.EventId
    member _.Height(n: int) : int = events[n].Height
    member _.IsRejected(n: int) : bool = events[n].Rejected

    /// Compares two events by time, then by event id, character by character.
    member _.CompareByTime(a: int, b: int) : int =
        let x, y = events[a].Event.Pdu, events[b].Event.Pdu

        match compare x.OriginServerTs y.OriginServerTs with
        | 0 -> JsonObject.CompareKeys(x.EventId, y.EventId)
        | byTime -> byTime

    /// The number of an event; -1 if it cannot be loaded.
    member this.Load(eventId: string, whenMissing: string -> ResolutionError) : int =
        match numbers.TryGetValue eventId with
        | true, n -> n
        | _ when fault.IsSome -> -1
        | _ ->
            match source.Find eventId with
            | null ->
                this.Fail(whenMissing eventId)
                -1
            | event ->
                if events.Count >= limits.Events then
                    this.Fail(ResolutionError.TooManyEvents limits.Events)
                    -1
                elif not event.Event.Pdu.IsState then
                    this.Fail(ResolutionError.NotState eventId)
                    -1
                else
                    let n = events.Count
                    numbers.Add(eventId, n)
                    events.Add event
                    cited.Add null
                    inUnconflicted.Add -1y
                    n

    /// The auth events of an event, each of a lesser height.
    member this.AuthEvents(n: int) : int[] =
        match cited[n] with
        | null ->
            let ids = events[n].Event.Pdu.AuthEvents
            let below = List<int> ids.Length

            for id in ids do
                let m =
                    this.Load(id, fun missing -> ResolutionError.AuthEventMissing(this.Id n, missing))

                if m >= 0 then
                    if events[m].Height < events[n].Height then
                        below.Add m
                    else
                        this.Fail(ResolutionError.OutOfOrder(this.Id n, id))

            let known = below.ToArray()
            cited[n] <- known
            known
        | known -> known

    /// The event id that all states have at a key; null if they disagree or have none.
    member _.UnconflictedAt(eventType: string, stateKey: string) : string | null =
        if conflictedKeys.Contains(struct (eventType, stateKey)) then
            null
        else
            states.Shared.Find(eventType, stateKey)

    /// Whether all states have this event.
    member this.IsUnconflicted(n: int) : bool =
        if inUnconflicted[n] < 0y then
            let pdu = events[n].Event.Pdu
            let at = this.UnconflictedAt(pdu.Type, string pdu.StateKey)
            inUnconflicted[n] <- if String.Equals(at, pdu.EventId) then 1y else 0y

        inUnconflicted[n] = 1y

    /// Whether an event is in the auth chain of one that all states have. The search goes upwards, newest first, and
    /// stops at the first such event. A long shared history is thus recognised by a later event.
    member this.IsBelowUnconflicted(start: int) : bool =
        // Depth first, with the path kept: when such an event is found, all on the path are below it.
        let path = Stack<struct (int * IEnumerator<string>)>()

        let enter n =
            path.Push(struct (n, (source.Citing(this.Id n)).GetEnumerator()))

        let leave (answer: bool) =
            let struct (n, citing) = path.Pop()
            citing.Dispose()
            aboveShared[n] <- answer

        match aboveShared.TryGetValue start with
        | true, known -> known
        | _ ->
            let mutable found = false
            enter start

            while path.Count > 0 do
                if found || fault.IsSome then
                    leave found
                else
                    let struct (n, citing) = path.Peek()

                    if not (citing.MoveNext()) then
                        leave false
                    else
                        let m = this.Load(citing.Current, ResolutionError.EventMissing)

                        if m >= 0 then
                            if this.Height m <= this.Height n then
                                this.Fail(ResolutionError.OutOfOrder(this.Id m, this.Id n))
                            elif this.IsUnconflicted m then
                                found <- true
                            else
                                match aboveShared.TryGetValue m with
                                | true, answer -> found <- answer
                                | _ -> enter m

            found
