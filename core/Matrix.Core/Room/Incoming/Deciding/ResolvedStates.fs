namespace Matrix.Core.Room.Incoming.Deciding

open System
open System.Collections.Generic
open System.Security.Cryptography
open Matrix.Core.State
open Matrix.Core.StateRes
open Matrix.Core.Room.Incoming.Facts

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
