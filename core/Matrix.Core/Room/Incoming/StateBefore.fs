namespace Matrix.Core.Room.Incoming

open System
open System.Collections.Generic
open System.Security.Cryptography
open Matrix.Core.Event
open Matrix.Core.State
open Matrix.Core.StateRes

/// The resolution of several states into one. v1.19 server-server-api#room-state-resolution
[<RequireQualifiedAccess>]
module StateBefore =

    /// Events in memory, in the form that state resolution reads. `citing` returns the accepted state events that name
    /// an event in `auth_events`, the newest first.
    let sourceOf (find: string -> KnownEvent | null) (citing: string -> seq<string>) : IEventSource = {
        new IEventSource with
            member _.Find eventId =
                match find eventId with
                | null -> null
                | known -> known.SourcedBy find

            member _.Citing eventId = citing eventId
    }

    /// Resolves state trees by the algorithm of the room's version. `ordinalOf` returns an event's number in its room.
    let resolve
        (resolver: StateResolver)
        (source: IEventSource)
        (ordinalOf: string -> uint32)
        (limits: ResolutionLimits)
        (trees: StateTree[])
        : Result<StateTree, ResolutionError> =
        let states = TreesToResolve.ofTrees trees

        match resolver.Resolve(states, source, limits) with
        | Error error -> Error error
        | Ok resolution -> Ok(TreesToResolve.resolved trees states resolution.Entries ordinalOf)

/// A resolution that is too large for a call of the machine. It does not touch the machine, and may run in another
/// thread than the machine's: call `Run`, supply the facts that it lacks, and repeat, until it lacks none. Then tell
/// the machine with `Input.Resolved`.
[<Sealed>]
type RoomResolution
    internal
    (
        trees: StateTree[],
        log: UndoLog,
        lookUpCache: LookUpCache,
        resolve: StateTree[] -> Result<StateTree, ResolutionError>
    ) =

    let mutable outcome: Result<StateTree, ResolutionError> voption = ValueNone

    /// The states to resolve.
    member _.Trees: IReadOnlyList<StateTree> = trees

    /// Resolves the states. If the result is not empty, facts are lacking.
    member _.Run() : LookUps =
        if outcome.IsNone then
            match log.Run((fun () -> resolve trees), (fun () -> lookUpCache.IsComplete)) with
            | ValueSome result ->
                outcome <- ValueSome result
                LookUps.None
            | ValueNone -> lookUpCache.TakeLacking()
        else
            LookUps.None

    /// Takes facts that `Run` lacked.
    member _.Supply(supplied: LookUpResults) : unit = lookUpCache.Supply supplied

    /// Whether it has ended.
    member _.IsDone = outcome.IsSome

    member internal _.Outcome = outcome

/// The latest resolutions, by their inputs. The state before an event that merges branches is usually the current one.
/// `resolve` resolves few states; if they are too many, or cost too much, `elsewhere` gets them, and the step is left
/// unfinished.
[<Sealed>]
type internal ResolvedStates
    (
        log: UndoLog,
        resolve: StateTree[] -> Result<StateTree, ResolutionError>,
        elsewhere: StateTree[] -> unit,
        smallStates: int,
        kept: int
    ) =

    let results =
        UndoableMap<string, Result<StateTree, ResolutionError>>(log, Dictionary())

    let order = UndoableQueue<string>(log)
    let mutable wasTooLarge = false
    let mutable made = 0

    let name (tree: StateTree) = Convert.ToHexString tree.Root.Span

    /// The states that differ, by their names.
    let distinct (trees: seq<StateTree>) : struct (string[] * StateTree[]) =
        let names = HashSet<string>()
        let distinct = List<StateTree>()

        for tree in trees do
            if names.Add(name tree) then
                distinct.Add tree

        struct (Seq.toArray names, distinct.ToArray())

    let keyOf (names: string[]) =
        // The order of the states must not matter: it depends on the order of arrival.
        Array.Sort(names, StringComparer.Ordinal)

        Convert.ToHexString(SHA256.HashData(names |> Array.collect (fun (name: string) -> Convert.FromHexString name)))

    let keep (key: string) (result: Result<StateTree, ResolutionError>) =
        if not (results.ContainsKey key) then
            if order.Count >= kept then
                match order.TryDequeue() with
                | ValueSome oldest -> results.Remove oldest |> ignore
                | ValueNone -> ()

            order.Enqueue key

        results.Set(key, result)

    let find (trees: StateTree[]) (names: string[]) : Result<StateTree, ResolutionError> voption =
        if trees.Length = 0 then ValueSome(Ok StateTree.Empty)
        elif trees.Length = 1 then ValueSome(Ok trees[0])
        else results.TryFind(keyOf names)

    let isTooLarge (error: ResolutionError) =
        match error with
        | ResolutionError.TooManyEvents _
        | ResolutionError.StateCount _ -> true
        | _ -> false

    /// The resolution of states, if it is known without resolving them; else null. Without states it is the empty one.
    member _.Find(trees: seq<StateTree>) : StateTree | null =
        let struct (names, distinct) = distinct trees

        match find distinct names with
        | ValueSome(Ok tree) -> tree
        | _ -> null

    /// The resolution of states. If they are too many or cost too much, it is an error where `waits` is false; else the
    /// step is left unfinished, and goes on when `Take` has the result.
    member _.Of(trees: seq<StateTree>, waits: bool) : Result<StateTree, ResolutionError> =
        let struct (names, distinct) = distinct trees

        match find distinct names with
        | ValueSome known -> known
        | ValueNone ->
            let resolved =
                if distinct.Length > smallStates then
                    Error(ResolutionError.StateCount distinct.Length)
                else
                    made <- made + 1
                    resolve distinct

            match resolved with
            | Error error when isTooLarge error ->
                if waits then
                    // Before the step is undone: the states may contain the event that it decides.
                    elsewhere distinct
                    wasTooLarge <- true
                    raise (StepUnfinishedException())
            | Error _ -> ()
            | Ok _ -> keep (keyOf names) resolved

            resolved

    /// How many were made so far, those of unfinished steps included.
    member _.Made = made

    /// Whether the states were too many, or cost too much, in the step that was left. It is asked once.
    member _.TakeTooLarge() : bool =
        let was = wasTooLarge
        wasTooLarge <- false
        was

    /// Takes the result of a resolution elsewhere.
    member _.Take(trees: seq<StateTree>, result: Result<StateTree, ResolutionError>) : unit =
        let struct (names, _) = distinct trees
        keep (keyOf names) result

    /// Forgets all resolutions: the numbers in their entries may belong to events that were taken back.
    member _.Forget() : unit =
        for key in order.TakeAll() do
            results.Remove key |> ignore

/// An input of the machine.
[<RequireQualifiedAccess>]
type Input =
    /// The time: milliseconds since the epoch. Without it, nothing is bounded by time.
    | At of now: int64
    /// This peer sent an event in a transaction.
    | Received of peer: string * event: ReceivedEvent
    /// The same for an event that was staged before the machine was made: when it came, and from when on it may be
    /// searched for what it lacks, in milliseconds. After a restart there may be many.
    | Resumed of peer: string * event: ReceivedEvent * since: int64 * searchFrom: int64
    /// This peer waits for the decision about an event, as of `PUT /send_join`: if the event lacks others, it is
    /// dropped.
    | Decide of peer: string * event: ReceivedEvent
    /// No more events of strangers may wait: over all rooms, too many do. Those that come in the same call, and lack
    /// others, are dropped.
    | NoSpaceForStrangers
    /// A peer that was not reached may be asked again, before the time that the response named.
    | Reached of peer: string
    /// This peer sent an event as part of older history (`GET /backfill/{roomId}`). It is no extremity, and is never
    /// soft-failed if an accepted event descends from it. Its previous events are not fetched: if one is missing, the
    /// state before the event is fetched instead. The events of one call get numbers of history in the order of the
    /// graph.
    | History of peer: string * event: ReceivedEvent
    /// The events of history in the same call get the highest numbers between these two, which no other event may have
    /// or get. Without this input they get numbers below all others.
    | HistoryPlace of after: uint32 * before: uint32
    /// This peer sent an event that does not have the format of its room version.
    | Malformed of peer: string * fault: PduFault
    /// A request got its response. The response to a request that is no longer outstanding is ignored.
    | Responded of number: int * response: Response
    /// A resolution of `Output.Resolve` has ended. One that is no longer needed is ignored.
    | Resolved of resolution: RoomResolution

/// The results of inputs, in order. If `LookUps` is not empty, nothing has happened yet.
type Output = {
    /// The facts that the inputs need and that the machine lacks.
    LookUps: LookUps
    /// New requests.
    Requests: PeerRequest[]
    /// The room's outstanding resolution, if it is new: states that are too many, or cost too much, to resolve inside
    /// of a call. Events wait for it. Null if there is none.
    Resolve: RoomResolution | null
    Decided: DecidedEvent[]
    /// Events that are no longer staged, with the reason; "" for a malformed event without an id.
    Dropped: struct (string * DropReason)[]
    /// Events that are no longer staged because no peer had what they lack, and that are remembered.
    Remembered: struct (string * DropReason)[]
    /// When the machine needs the time again: staged events wait for peers that were not reached, or remembered ones
    /// are forgotten. 0 if it does not.
    RetryAt: int64
    /// Whether events could be decided that `IncomingLimits.Work` leaves to a further call, which needs no input.
    HasMore: bool
} with

    /// Nothing but an outstanding resolution.
    static member Of(resolution: RoomResolution) : Output = {
        LookUps = LookUps.None
        Requests = [||]
        Resolve = resolution
        Decided = [||]
        Dropped = [||]
        Remembered = [||]
        RetryAt = 0L
        HasMore = false
    }
