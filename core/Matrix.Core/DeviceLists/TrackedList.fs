namespace Matrix.Core.DeviceLists

open System
open Matrix.Core.Federation

type Announcement =
    | None = 0
    | IfDifferent = 1
    | Always = 2

[<Struct>]
type StoredList = {
    FetchedId: int64
    ReceivedIds: int64[]
    IsStale: bool
}

/// A list that was fetched. `Received` has the ids of the updates since, the newest first.
type Cached = {
    FetchedId: int64
    Received: int64 list
}

/// The request for a list.
type Fetch =
    | NotNeeded
    /// It is due at the time of the pauses. Updates that come before it is sent need not be held.
    | Due
    /// It is sent. `Held` has the updates since, the newest first; beyond the bound, `IsOverfull`.
    | Sent of held: DeviceListUpdate list * isOverfull: bool

module Chain =

    /// The most ids that are remembered. A server that sends updates one by one names only the latest.
    let remembered = 32

    /// The most updates that are held while the list is fetched.
    let held = 32

    let newest (cached: Cached) =
        match cached.Received with
        | newest :: _ -> max newest cached.FetchedId
        | [] -> cached.FetchedId

    let hasReceived (cached: Cached) (id: int64) = List.contains id cached.Received

    /// Whether the list contains this update.
    let contains (cached: Cached) (id: int64) =
        id <= cached.FetchedId || hasReceived cached id

    /// Whether the list, with this update, is complete. The first update of a sequence names no other: whether the list
    /// misses others is unknown.
    let continues (cached: Cached) (update: DeviceListUpdate) =
        update.StreamId > newest cached
        && update.Previous.Length > 0
        && update.Previous |> Array.forall (contains cached)

    let remember (cached: Cached) (id: int64) = {
        cached with
            Received = id :: cached.Received |> List.truncate remembered
    }

/// `isUnannounced`: an update came that local users were not told of.
[<Sealed>]
type TrackedList
    private
    (pauses: BackoffPauses, cached: Cached voption, fetch: Fetch, backoff: DestinationBackoff, isUnannounced: bool) =

    static member Untracked(pauses: BackoffPauses) : TrackedList =
        TrackedList(pauses, ValueNone, NotNeeded, DestinationBackoff.Healthy pauses, false)

    static member Restore(pauses: BackoffPauses, stored: StoredList) : TrackedList =
        let cached = {
            FetchedId = stored.FetchedId
            Received = List.ofArray stored.ReceivedIds
        }

        // Only an update makes a list stale.
        TrackedList(
            pauses,
            ValueSome cached,
            (if stored.IsStale then Due else NotNeeded),
            DestinationBackoff.Healthy pauses,
            stored.IsStale
        )

    member _.IsCached = cached.IsSome

    member _.IsCurrent = cached.IsSome && fetch.IsNotNeeded

    member _.IsFetching = fetch.IsSent

    member _.FetchAt: Nullable<int64> =
        if fetch.IsDue then Nullable backoff.RetryAt else Nullable()

    member _.Stored: StoredList =
        match cached with
        | ValueSome list -> {
            FetchedId = list.FetchedId
            ReceivedIds = List.toArray list.Received
            IsStale = not fetch.IsNotNeeded
          }
        | ValueNone -> invalidOp "The list is not cached."

    member this.Received(update: DeviceListUpdate, now: int64) : TrackingStep =
        match cached, fetch with
        | ValueNone, Sent(held, isOverfull) ->
            // A client may have asked the server itself before the update, and needs to ask again.
            TrackingStep.Announces(this.With(TrackedList.Hold update held isOverfull), Announcement.Always)
        | ValueNone, _ -> TrackingStep.Announces(this, Announcement.Always)
        | ValueSome list, _ when not update.IsOfSigningKeys && Chain.hasReceived list update.StreamId ->
            TrackingStep.Nothing this
        | ValueSome _, Sent(held, isOverfull) ->
            let next: TrackedList = this.With(TrackedList.Hold update held isOverfull)
            TrackingStep.Nothing next.Unannounced
        | ValueSome list, Due ->
            let remembering: TrackedList = this.Remembering(list, update)
            let woken: TrackedList = remembering.Woken now
            TrackingStep.Nothing woken.Unannounced
        | ValueSome list, NotNeeded ->
            if update.IsOfSigningKeys then
                TrackingStep(this, false, [| update |], Announcement.IfDifferent)
            else
                this.ReceivedInOrder(list, update)

    /// An update of a device for a list that is current.
    member private this.ReceivedInOrder(list: Cached, update: DeviceListUpdate) : TrackingStep =
        let next: TrackedList = this.With(Chain.remember list update.StreamId)

        if update.StreamId = list.FetchedId then
            // The list contains it, but a client may have asked the server itself before the update.
            TrackingStep.Announces(next, Announcement.Always)
        elif Chain.continues list update then
            TrackingStep(next, false, [| update |], Announcement.Always)
        else
            // An older id than those known is no proof of an older update: the server may have begun anew.
            let stale: TrackedList = next.With Due
            TrackingStep.Nothing stale.Unannounced

    member this.Wanted(now: int64) : TrackingStep =
        match cached, fetch with
        | ValueNone, NotNeeded -> TrackingStep.Nothing(this.With(Due))
        | _, Due -> TrackingStep.Nothing(this.Woken now)
        | _ -> TrackingStep.Nothing this

    member _.Lost() : TrackingStep =
        TrackingStep(TrackedList.Untracked pauses, cached.IsSome, [||], Announcement.None)

    member this.Fetching() : TrackingStep =
        TrackingStep.Nothing(if fetch.IsDue then this.With(Sent([], false)) else this)

    member this.Fetched(streamId: int64, now: int64) : TrackingStep =
        match fetch with
        | NotNeeded
        | Due -> TrackingStep.Nothing this
        | Sent(held, isOverfull) ->
            let announcement =
                if isUnannounced then Announcement.Always
                elif cached.IsSome then Announcement.IfDifferent
                else Announcement.None

            let list, isNew = TrackedList.NewList(cached, streamId)

            let list, applied, isComplete =
                ((list, [], isNew && not isOverfull), List.rev held)
                ||> List.fold (fun (list, applied, isComplete) update ->
                    if update.IsOfSigningKeys then
                        list, update :: applied, isComplete
                    elif Chain.contains list update.StreamId then
                        Chain.remember list update.StreamId, applied, isComplete
                    elif Chain.continues list update then
                        Chain.remember list update.StreamId, update :: applied, isComplete
                    else
                        Chain.remember list update.StreamId, applied, false)

            let next =
                if isComplete then
                    TrackedList(pauses, ValueSome list, NotNeeded, DestinationBackoff.Healthy pauses, false)
                else
                    // A server whose updates never fit is asked more and more rarely.
                    TrackedList(pauses, ValueSome list, Due, backoff.Failed(now, 0L), cached.IsSome)

            TrackingStep(next, false, applied |> List.rev |> List.toArray, announcement)

    member this.FetchFailed(now: int64, askedPause: int64) : TrackingStep =
        match cached, fetch with
        | ValueNone, Sent _ -> TrackingStep.Nothing(TrackedList.Untracked pauses)
        | ValueSome _, Sent _ ->
            TrackingStep.Nothing(TrackedList(pauses, cached, Due, backoff.Failed(now, askedPause), isUnannounced))
        | _ -> TrackingStep.Nothing this

    member this.FetchRefused() : TrackingStep =
        if fetch.IsSent then
            let announcement =
                if cached.IsSome then
                    Announcement.Always
                else
                    Announcement.None

            TrackingStep(TrackedList.Untracked pauses, cached.IsSome, [||], announcement)
        else
            TrackingStep.Nothing this

    /// The list of a response, and whether it contains all updates that were received before the request.
    static member private NewList(before: Cached voption, streamId: int64) : Cached * bool =
        let received =
            match before with
            | ValueSome list -> list.Received
            | ValueNone -> []

        let contained = received |> List.filter (fun id -> id <= streamId)

        {
            FetchedId = streamId
            Received = contained
        },
        contained.Length = received.Length

    static member private Hold (update: DeviceListUpdate) (held: DeviceListUpdate list) (isOverfull: bool) : Fetch =
        if held.Length >= Chain.held then
            Sent(held, true)
        else
            Sent(update :: held, isOverfull)

    member private _.With(fetch: Fetch) : TrackedList =
        TrackedList(pauses, cached, fetch, backoff, isUnannounced)

    member private _.With(list: Cached) : TrackedList =
        TrackedList(pauses, ValueSome list, fetch, backoff, isUnannounced)

    member private this.Remembering(list: Cached, update: DeviceListUpdate) : TrackedList =
        if update.IsOfSigningKeys then
            this
        else
            this.With(Chain.remember list update.StreamId)

    member private _.Woken(now: int64) : TrackedList =
        TrackedList(pauses, cached, fetch, backoff.Woken now, isUnannounced)

    member private _.Unannounced: TrackedList =
        TrackedList(pauses, cached, fetch, backoff, true)

and [<Sealed>] TrackingStep
    internal (next: TrackedList, drops: bool, applied: DeviceListUpdate[], announcement: Announcement) =

    static member internal Nothing(next: TrackedList) =
        TrackingStep(next, false, [||], Announcement.None)

    static member internal Announces(next: TrackedList, announcement: Announcement) =
        TrackingStep(next, false, [||], announcement)

    member _.Next = next

    member _.Drops = drops

    member _.Applied = applied

    member _.Announcement = announcement
