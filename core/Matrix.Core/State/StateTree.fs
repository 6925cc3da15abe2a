namespace Matrix.Core.State

open System
open System.Collections.Generic
open System.Numerics
open System.Security.Cryptography

[<Sealed>]
type StateDiff(changes: StateChange[], nodesVisited: int) =
    member _.Changes = changes
    member _.NodesVisited = nodesVisited

/// One walk over two trees at once.
[<Sealed>]
type private DiffWalk() =
    let changes = List<StateChange>()
    let mutable visited = 0

    let sameHash (a: Branch) (b: Branch) =
        match a.KnownHash, b.KnownHash with
        | null, _
        | _, null -> false
        | x, y -> x.AsSpan().SequenceEqual(ReadOnlySpan y)

    let all (make: StateEntry -> StateChange) (slot: obj) =
        Nodes.iter
            (fun e ->
                visited <- visited + 1
                changes.Add(make e))
            slot

    /// Compares an entry on one side with a branch on the other, which has at most one entry with the same key.
    let loneAgainst
        (lone: StateEntry)
        (branch: Branch)
        (oneSide: StateEntry -> StateChange)
        (otherSide: StateEntry -> StateChange)
        both
        =
        let mutable met = false

        Nodes.iter
            (fun e ->
                visited <- visited + 1

                if e.HasKey(lone.Type, lone.StateKey) then
                    met <- true

                    if not (e.Key.Same lone.Key) then
                        changes.Add(both e)
                else
                    changes.Add(otherSide e))
            branch

        if not met then
            changes.Add(oneSide lone)

    member _.Changes = changes.ToArray()
    member _.Visited = visited

    member this.Walk(before: obj | null, after: obj | null) : unit =
        if not (obj.ReferenceEquals(before, after)) then
            visited <- visited + 1

            match before with
            | null ->
                match after with
                | null -> ()
                | a -> all StateChange.Added a
            | b ->
                match after with
                | null -> all StateChange.Removed b
                | a -> this.WalkBoth(b, a)

    member private this.WalkBoth(before: obj, after: obj) : unit =
        match before, after with
        | (:? Branch as b), (:? Branch as a) ->
            if not (sameHash b a) then
                let mutable rest = b.Bitmap ||| a.Bitmap

                while rest <> 0 do
                    let nibble = BitOperations.TrailingZeroCount rest
                    rest <- rest &&& (rest - 1)
                    this.Walk(b.At nibble, a.At nibble)
        | (:? Branch as b), _ ->
            let a = after :?> StateEntry
            loneAgainst a b StateChange.Added StateChange.Removed (fun e -> StateChange.Replaced(e, a))
        | _, (:? Branch as a) ->
            let b = before :?> StateEntry
            loneAgainst b a StateChange.Removed StateChange.Added (fun e -> StateChange.Replaced(b, e))
        | _ ->
            let b, a = before :?> StateEntry, after :?> StateEntry

            if not (b.HasKey(a.Type, a.StateKey)) then
                changes.Add(StateChange.Removed b)
                changes.Add(StateChange.Added a)
            elif not (b.Key.Same a.Key) then
                changes.Add(StateChange.Replaced(b, a))

[<Sealed>]
type StateTree internal (top: Branch | null, isPartial: bool) =

    static let empty = StateTree(null, false)

    let mutable root: byte[] | null = null

    static member Empty = empty

    static member OfEntries(entries: IReadOnlyList<StateEntry>, isPartial: bool) : StateTree =
        // The last entry of a key wins.
        let byKey = Dictionary<struct (string * string), StateEntry>(entries.Count)

        for e in entries do
            byKey[struct (e.Type, e.StateKey)] <- e

        if byKey.Count = 0 then
            StateTree(null, isPartial)
        else
            let unique = Seq.toArray byKey.Values
            let ways = unique |> Array.map (fun e -> Way.ofKey e.Type e.StateKey)

            let inOrder =
                Comparer<Way>.Create(fun x y ->
                    let c = compare x.Prefix y.Prefix

                    if c <> 0 then
                        c
                    else
                        let c = compare x.A y.A

                        if c <> 0 then
                            c
                        else
                            let c = compare x.B y.B

                            if c <> 0 then
                                c
                            else
                                let c = compare x.C y.C
                                if c <> 0 then c else compare x.D y.D)

            Array.Sort(ways, unique, inOrder)
            StateTree(Nodes.build unique ways 0 unique.Length 0, isPartial)

    member _.Top = top

    member _.Count =
        match top with
        | null -> 0
        | t -> t.Count

    member _.IsPartial = isPartial

    member this.MarkedPartial(isPartial: bool) : StateTree =
        if isPartial = this.IsPartial then
            this
        else
            StateTree(top, isPartial)

    member _.Root: ReadOnlyMemory<byte> =
        let bytes =
            match root with
            | null ->
                let tagged = Array.zeroCreate 33
                tagged[0] <- if isPartial then 1uy else 0uy

                match top with
                | null -> ()
                | t -> t.Hash.CopyTo(tagged, 1)

                let computed = SHA256.HashData tagged
                root <- computed
                computed
            | known -> known

        ReadOnlyMemory bytes

    static member AreSame(a: StateTree, b: StateTree) : bool =
        not a.IsPartial
        && not b.IsPartial
        && (obj.ReferenceEquals(a.Top, b.Top)
            || (a.Count = b.Count && a.Root.Span.SequenceEqual b.Root.Span))

    member _.Find(eventType: string, stateKey: string) : StateEntry | null =
        match top with
        | null -> null
        | t -> Nodes.find t eventType stateKey

    member _.Entries() : StateEntry[] =
        match top with
        | null -> [||]
        | t ->
            let found = List<StateEntry>(t.Count)
            Nodes.iter found.Add t
            found.ToArray()

    member _.OfType(eventType: string) : StateEntry[] =
        let prefix = Way.ofType eventType

        let rec below (slot: obj | null) depth : obj | null =
            match slot with
            | :? Branch as b when depth < Way.TypeDepth -> below (b.At((prefix >>> (8 - 4 * depth)) &&& 15)) (depth + 1)
            | other -> other

        match below top 0 with
        | null -> [||]
        | slot ->
            let found = List<StateEntry>()

            Nodes.iter
                (fun e ->
                    if String.Equals(e.Type, eventType) then
                        found.Add e)
                slot

            found.ToArray()

    member _.Beside(eventType: string) : StateEntry[] =
        let found = List<StateEntry>()

        match top with
        | null -> ()
        | slot ->
            Nodes.iter
                (fun e ->
                    if not (String.Equals(e.Type, eventType)) then
                        found.Add e)
                slot

        found.ToArray()

    member this.Set(entry: StateEntry) : StateTree =
        let way = Way.ofKey entry.Type entry.StateKey

        match top with
        | null -> StateTree(Branch(1 <<< way.Nibble 0, [| entry |], 0), isPartial)
        | t ->
            let changed = Nodes.set t way 0 entry

            if obj.ReferenceEquals(changed, t) then
                this
            else
                StateTree(changed, isPartial)

    member this.Remove(eventType: string, stateKey: string) : StateTree =
        match top with
        | null -> this
        | t ->
            let way = Way.ofKey eventType stateKey

            match Nodes.remove t way 0 eventType stateKey with
            | null -> StateTree(null, isPartial)
            | :? Branch as b ->
                if obj.ReferenceEquals(b, t) then
                    this
                else
                    StateTree(b, isPartial)
            | lone ->
                let e = lone :?> StateEntry
                StateTree(Branch(1 <<< (Way.ofKey e.Type e.StateKey).Nibble 0, [| e |], 0), isPartial)

    member this.Apply(changes: IReadOnlyList<StateChange>) : StateTree =
        let mutable tree = this

        for change in changes do
            tree <-
                match change.After with
                | null -> tree.Remove(change.Type, change.StateKey)
                | entry -> tree.Set entry

        tree

    static member Diff(before: StateTree, after: StateTree) : StateDiff =
        let walk = DiffWalk()
        walk.Walk(before.Top, after.Top)
        StateDiff(walk.Changes, walk.Visited)

    member _.MemoryBytes =
        match top with
        | null -> 24
        | t -> 24 + t.MemoryBytes

    member _.MemoryBytesBeside(other: StateTree) : int =
        match top with
        | null -> 24
        | t -> 24 + Nodes.memoryBeside t other.Top

    /// Equal entries, and both partial or both complete.
    override this.Equals other =
        match other with
        | :? StateTree as o ->
            isPartial = o.IsPartial
            && (obj.ReferenceEquals(top, o.Top)
                || (this.Count = o.Count && this.Root.Span.SequenceEqual o.Root.Span))
        | _ -> false

    override this.GetHashCode() = BitConverter.ToInt32(this.Root.Span)
