namespace Matrix.Core.State

open System.Collections.Generic
open System.Numerics

/// Operations on nodes. The shape is canonical: a branch below the top has at least two entries, and an entry is at the
/// first depth at which it is alone.
module internal Nodes =

    let rec private findFrom
        (branch: Branch)
        (way: Way)
        (depth: int)
        (eventType: string)
        (stateKey: string)
        : StateEntry | null =
        // An entry that is alone of its type is at a depth within the type's nibbles. Only deeper entries need the hash
        // of the key.
        let way =
            if depth = Way.TypeDepth then
                Way.ofKey eventType stateKey
            else
                way

        match branch.At(way.Nibble depth) with
        | null -> null
        | :? Branch as deeper -> findFrom deeper way (depth + 1) eventType stateKey
        | slot ->
            let entry = slot :?> StateEntry
            if entry.HasKey(eventType, stateKey) then entry else null

    let find (branch: Branch) (eventType: string) (stateKey: string) : StateEntry | null =
        findFrom branch (Way.ofTypeAlone eventType) 0 eventType stateKey

    let private withSlot (branch: Branch) (place: int) (slot: obj) : Branch =
        let slots = Array.copy branch.Slots
        slots[place] <- slot
        Branch(branch.Bitmap, slots, 0)

    /// The branch of two entries with different keys.
    let rec private pair (a: StateEntry) (wayA: Way) (b: StateEntry) (wayB: Way) (depth: int) : Branch =
        let na, nb = wayA.Nibble depth, wayB.Nibble depth

        if na = nb then
            Branch(1 <<< na, [| pair a wayA b wayB (depth + 1) |], 0)
        else
            let slots: obj[] = if na < nb then [| a; b |] else [| b; a |]
            Branch((1 <<< na) ||| (1 <<< nb), slots, 0)

    let rec set (branch: Branch) (way: Way) (depth: int) (entry: StateEntry) : Branch =
        let nibble = way.Nibble depth
        let place = branch.SlotOf nibble

        if branch.Bitmap &&& (1 <<< nibble) = 0 then
            Branch(branch.Bitmap ||| (1 <<< nibble), Array.insertAt place (entry: obj) branch.Slots, 0)
        else
            match branch.Slots[place] with
            | :? Branch as deeper ->
                let changed = set deeper way (depth + 1) entry

                if obj.ReferenceEquals(changed, deeper) then
                    branch
                else
                    withSlot branch place changed
            | slot ->
                let there = slot :?> StateEntry

                if not (there.HasKey(entry.Type, entry.StateKey)) then
                    let wayThere = Way.ofKey there.Type there.StateKey
                    withSlot branch place (pair there wayThere entry way (depth + 1))
                elif there.Key.Same entry.Key && there.Ordinal = entry.Ordinal then
                    branch
                else
                    withSlot branch place entry

    /// The branch without the key: null if it is then empty, the entry if one is left.
    let rec remove (branch: Branch) (way: Way) (depth: int) (eventType: string) (stateKey: string) : obj | null =
        let nibble = way.Nibble depth
        let place = branch.SlotOf nibble

        let without () : obj | null =
            match branch.Slots.Length with
            | 1 -> null
            | 2 when (branch.Slots[1 - place] :? StateEntry) -> branch.Slots[1 - place]
            | _ -> Branch(branch.Bitmap &&& ~~~(1 <<< nibble), Array.removeAt place branch.Slots, 0)

        if branch.Bitmap &&& (1 <<< nibble) = 0 then
            branch
        else
            match branch.Slots[place] with
            | :? Branch as deeper ->
                match remove deeper way (depth + 1) eventType stateKey with
                | null -> without ()
                | left when obj.ReferenceEquals(left, deeper) -> branch
                | :? StateEntry as lone when branch.Slots.Length = 1 -> lone
                | left -> withSlot branch place left
            | slot when (slot :?> StateEntry).HasKey(eventType, stateKey) -> without ()
            | _ -> branch

    /// Builds a branch from entries `[first, last)`, sorted by their paths (`ways`), with different keys.
    let rec build (entries: StateEntry[]) (ways: Way[]) (first: int) (last: int) (depth: int) : Branch =
        let slots = List<obj>()
        let mutable bitmap = 0
        let mutable from = first

        while from < last do
            let nibble = ways[from].Nibble depth
            let mutable until = from + 1

            while until < last && ways[until].Nibble depth = nibble do
                until <- until + 1

            bitmap <- bitmap ||| (1 <<< nibble)

            if until - from = 1 then
                slots.Add entries[from]
            else
                slots.Add(build entries ways from until (depth + 1))

            from <- until

        Branch(bitmap, slots.ToArray(), 0)

    let rec iter (visit: StateEntry -> unit) (slot: obj) : unit =
        match slot with
        | :? Branch as b ->
            for s in b.Slots do
                iter visit s
        | _ -> visit (slot :?> StateEntry)

    /// Estimated bytes of the nodes of `mine` that `theirs` does not share.
    let rec memoryBeside (mine: obj) (theirs: obj | null) : int =
        if obj.ReferenceEquals(mine, theirs) then
            0
        else
            match mine, theirs with
            | (:? Branch as m), (:? Branch as t) ->
                let mutable bytes = m.MemoryBytes
                let mutable rest = m.Bitmap

                for slot in m.Slots do
                    let nibble = BitOperations.TrailingZeroCount rest
                    rest <- rest &&& (rest - 1)

                    let whole =
                        match slot with
                        | :? Branch as b -> b.MemoryBytes
                        | _ -> (slot :?> StateEntry).MemoryBytes

                    bytes <- bytes - whole + memoryBeside slot (t.At nibble)

                bytes
            | (:? Branch as m), _ -> m.MemoryBytes
            | _ -> (mine :?> StateEntry).MemoryBytes
