namespace Matrix.Core.Room.Incoming.Facts

open System
open System.Collections.Generic

/// Ends a step of the machine that lacks facts, or the resolution of states that are too many to resolve here. Both are
/// needed deep inside state resolution and the authorization rules, which take events and not promises of events; so
/// the step is left by an exception. `UndoLog` alone catches it.
[<Sealed>]
type internal StepUnfinishedException() =
    inherit Exception()

/// The log of the machine's changes. A step that is unfinished, or throws, is undone as a whole.
[<Sealed>]
type internal UndoLog() =

    let steps = Stack<unit -> unit>()
    let mutable isOpen = false

    let backTo (mark: int) =
        let was = isOpen
        isOpen <- false

        while steps.Count > mark do
            steps.Pop () ()

        isOpen <- was

    let attempt (act: unit -> 'a) : 'a voption =
        let mark = steps.Count

        try
            ValueSome(act ())
        with :? StepUnfinishedException ->
            backTo mark
            ValueNone

    /// Whether changes are recorded.
    member _.IsOpen = isOpen

    /// Records the inverse of the last change.
    member _.Note(undo: unit -> unit) : unit = steps.Push undo

    /// Runs a step inside of `Run`. If it is unfinished, its changes are undone, and there is no result.
    member _.Attempt(act: unit -> 'a) : 'a voption = attempt act

    /// Runs an action. If it throws, is unfinished, or `holds` is false after it, all changes made meanwhile are
    /// undone; in the last two cases there is no result.
    member _.Run(act: unit -> 'a, holds: unit -> bool) : 'a voption =
        isOpen <- true

        try
            try
                match attempt act with
                | ValueSome result when holds () -> ValueSome result
                | _ ->
                    backTo 0
                    ValueNone
            with _ ->
                backTo 0
                reraise ()
        finally
            isOpen <- false
            steps.Clear()

/// A value whose changes can be undone.
[<Sealed>]
type internal Undoable<'T>(log: UndoLog, initial: 'T) =

    let mutable value = initial

    let put (next: 'T) =
        if log.IsOpen then
            let previous = value
            log.Note(fun () -> value <- previous)

        value <- next

    member _.Value
        with get () = value
        and set (next: 'T) = put next

/// A set whose changes can be undone. Most sets stay empty: there are several for each staged event.
[<Sealed>]
type internal UndoableSet<'T when 'T: equality>(log: UndoLog) =

    let mutable items: HashSet<'T> | null = null

    let all () : HashSet<'T> =
        match items with
        | null ->
            let made = HashSet<'T>()
            items <- made
            made
        | known -> known

    member _.Count =
        match items with
        | null -> 0
        | known -> known.Count

    member _.Contains(item: 'T) : bool =
        match items with
        | null -> false
        | known -> known.Contains item

    /// Adds an item; false if the set has it.
    member _.Add(item: 'T) : bool =
        let set = all ()
        let isNew = set.Add item

        if isNew && log.IsOpen then
            log.Note(fun () -> set.Remove item |> ignore)

        isNew

    /// Removes an item; false if the set lacks it.
    member _.Remove(item: 'T) : bool =
        match items with
        | null -> false
        | set ->
            let was = set.Remove item

            if was && log.IsOpen then
                log.Note(fun () -> set.Add item |> ignore)

            was

    member this.Clear() : unit =
        for item in this.ToArray() do
            this.Remove item |> ignore

    /// The items, in no particular order.
    member _.ToArray() : 'T[] =
        match items with
        | null -> [||]
        | known -> Seq.toArray known

/// A dictionary whose changes can be undone.
[<Sealed>]
type internal UndoableMap<'K, 'V when 'K: not null>(log: UndoLog, items: IDictionary<'K, 'V>) =

    member _.Count = items.Count
    member _.Keys = items.Keys
    member _.Values = items.Values

    member _.TryFind(key: 'K) : 'V voption =
        match items.TryGetValue key with
        | true, value -> ValueSome value
        | _ -> ValueNone

    member _.ContainsKey(key: 'K) : bool = items.ContainsKey key

    member this.Set(key: 'K, value: 'V) : unit =
        if log.IsOpen then
            match this.TryFind key with
            | ValueSome previous -> log.Note(fun () -> items[key] <- previous)
            | ValueNone -> log.Note(fun () -> items.Remove key |> ignore)

        items[key] <- value

    /// Removes a key; false if there is none.
    member this.Remove(key: 'K) : bool =
        match this.TryFind key with
        | ValueNone -> false
        | ValueSome previous ->
            if log.IsOpen then
                log.Note(fun () -> items[key] <- previous)

            items.Remove key

/// A queue whose changes can be undone.
[<Sealed>]
type internal UndoableQueue<'T>(log: UndoLog) =

    let items = LinkedList<'T>()

    member _.Count = items.Count

    member _.Enqueue(item: 'T) : unit =
        if log.IsOpen then
            log.Note(fun () -> items.RemoveLast())

        items.AddLast item |> ignore

    /// The first item; none if the queue is empty.
    member _.TryDequeue() : 'T voption =
        match items.First with
        | null -> ValueNone
        | first ->
            let item = first.Value

            if log.IsOpen then
                log.Note(fun () -> items.AddFirst item |> ignore)

            items.RemoveFirst()
            ValueSome item

    /// Takes all items, in order.
    member this.TakeAll() : 'T[] =
        let all = Seq.toArray items

        for _ in all do
            this.TryDequeue() |> ignore

        all
