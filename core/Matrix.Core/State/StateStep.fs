namespace Matrix.Core.State

open System.Collections.Generic

[<Sealed>]
type StepChange internal (eventType: string, stateKey: string, beforeOrdinal: uint32, after: StateEntry | null) =
    member _.Type = eventType
    member _.StateKey = stateKey
    member _.BeforeOrdinal = beforeOrdinal

    member _.AfterOrdinal =
        match after with
        | null -> 0u
        | entry -> entry.Ordinal

    member _.After = after

module private StepFormat =
    let version = 1uy
    let partial = 1uy

    // Flags in a change's first number, below the type's code.
    let hadBefore = 1
    let hasAfter = 2
    let idIsText = 4
    let codeShift = 3

[<Sealed>]
type StateStep private (changes: StepChange[], isPartial: bool) =

    member _.Changes: IReadOnlyList<StepChange> = changes
    member _.IsPartial = isPartial

    static member Of(changes: IReadOnlyList<StateChange>, isPartial: bool) : StateStep =
        let ordinal (entry: StateEntry | null) =
            match entry with
            | null -> 0u
            | e -> e.Ordinal

        let changes = [|
            for c in changes -> StepChange(c.Type, c.StateKey, ordinal c.Before, c.After)
        |]

        StateStep(changes, isPartial)

    static member Between(before: StateTree, after: StateTree) : StateStep =
        StateStep.Of(StateTree.Diff(before, after).Changes, after.IsPartial)

    member _.Apply(before: StateTree) : StateTree =
        let mutable tree = before.MarkedPartial isPartial

        for change in changes do
            tree <-
                match change.After with
                | null -> tree.Remove(change.Type, change.StateKey)
                | entry -> tree.Set entry

        tree

    static member Fold(steps: IReadOnlyList<StateStep>) : StateStep =
        let net = Dictionary<struct (string * string), StepChange>()

        for step in steps do
            for change in step.Changes do
                let key = struct (change.Type, change.StateKey)

                let before =
                    match net.TryGetValue key with
                    | true, earlier -> earlier.BeforeOrdinal
                    | _ -> change.BeforeOrdinal

                net[key] <- StepChange(change.Type, change.StateKey, before, change.After)

        let changed = [|
            for change in net.Values do
                if change.BeforeOrdinal <> change.AfterOrdinal then
                    change
        |]

        StateStep(changed, steps.Count > 0 && steps[steps.Count - 1].IsPartial)

    member _.ToBytes() : byte[] =
        let out = BlobWriter()
        out.Byte StepFormat.version
        out.Byte(if isPartial then StepFormat.partial else 0uy)
        out.Number changes.Length

        for change in changes do
            let code = WellKnownTypes.code change.Type

            let after =
                match change.After with
                | null -> 0
                | entry when isNull entry.Key.Text -> StepFormat.hasAfter
                | _ -> StepFormat.hasAfter ||| StepFormat.idIsText

            let before =
                if change.BeforeOrdinal = 0u then
                    0
                else
                    StepFormat.hadBefore

            out.Number((code <<< StepFormat.codeShift) ||| before ||| after)

            if code = 0 then
                out.Text change.Type

            out.Text change.StateKey

            if change.BeforeOrdinal <> 0u then
                out.Ordinal change.BeforeOrdinal

            match change.After with
            | null -> ()
            | entry ->
                out.Ordinal entry.Ordinal
                out.EventKey entry.Key

        out.ToArray()

    static member Parse(bytes: byte[]) : StateStep =
        let reader = BlobReader(bytes, 0)

        if reader.Byte() <> StepFormat.version then
            raise (reader.Damaged())

        let isPartial = reader.Byte() &&& StepFormat.partial <> 0uy
        let count = reader.Int()

        // A change has at least three bytes. A damaged count must not cause a large allocation.
        if count > bytes.Length / 3 then
            raise (reader.Damaged())

        let changes =
            Array.init count (fun _ ->
                let first = reader.Int()
                let eventType = reader.TypeOf(first >>> StepFormat.codeShift)
                let stateKey = reader.Text()

                let before =
                    if first &&& StepFormat.hadBefore = 0 then
                        0u
                    else
                        reader.Ordinal()

                let after: StateEntry | null =
                    if first &&& StepFormat.hasAfter = 0 then
                        null
                    else
                        let ordinal = reader.Ordinal()

                        StateEntry(
                            eventType,
                            stateKey,
                            reader.EventKey(first &&& StepFormat.idIsText <> 0),
                            ordinal,
                            0
                        )

                StepChange(eventType, stateKey, before, after))

        if not reader.AtEnd then
            raise (reader.Damaged())

        StateStep(changes, isPartial)
