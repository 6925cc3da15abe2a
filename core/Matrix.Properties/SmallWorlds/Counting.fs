namespace Matrix.Properties.SmallWorlds

open System.Collections.Generic
open Matrix.Rules

/// The choices that count on each axis of a world, in all of these versions, given the choices on the axes before it.
[<Sealed>]
type internal Choices(world: World, versions: RoomVersion list) =

    let case: int[] = Array.zeroCreate world.Axes.Length
    let reading = CaseReader(case, 0L)

    // Arrays and loops: a walk asks this for each of millions of prefixes.
    let conditions =
        world.Idle
        |> Array.map (function
            | None -> [||]
            | Some isIdle -> [| for version in versions -> isIdle version |])

    let isIdle (place: int) : bool =
        let conditions = conditions[place]

        if conditions.Length = 0 then
            false
        else
            reading.Allowed <- Axes.before place
            let mutable i = 0

            while i < conditions.Length && conditions[i] reading do
                i <- i + 1

            i = conditions.Length

    /// The case in which choices are made, axis by axis.
    member _.Case = case

    /// The axes that were read to tell whether an axis makes a difference: a bit for each index. It may be set back.
    member _.Read
        with get () = reading.Read
        and set value = reading.Read <- value

    /// The first and the last choice that count on an axis.
    member _.At(place: int) : struct (int * int) =
        if isIdle place then
            struct (world.Lightest[place], world.Lightest[place])
        else
            struct (0, world.Axes[place].Choices.Length - 1)

    /// Whether the whole case counts. Of two cases that differ by the swap of two users, only the first does.
    member _.Counts: bool =
        match world.Swap with
        | None -> true
        | Some swap -> World.isFirstOfPair swap case

/// Counts the cases that begin with given choices, without a visit to each: the number depends on a few of the choices
/// only, and is kept by these.
[<Sealed>]
type internal Counting(world: World, choices: Choices) =

    /// The most numbers that are kept for one axis.
    let most = 1 <<< 16

    let case = choices.Case
    let sizes = world.Axes |> Array.map _.Choices.Length

    /// The axes that decide which of two swapped cases is the first.
    let swapped =
        match world.Swap with
        | None -> 0L
        | Some swap ->
            Seq.init sizes.Length id
            |> Seq.filter (fun place ->
                swap.Source[place] <> place || swap.Renamed[place] <> Array.init sizes[place] id)
            |> Seq.fold (fun bits place -> bits ||| (1L <<< place)) 0L

    /// For each axis: the axes on which the counts from there on have depended so far.
    let needed: int64[] = Array.create (sizes.Length + 1) swapped

    let known = Array.init sizes.Length (fun _ -> Dictionary<int64, int64>())

    /// The choices before an axis on which the count depends, as one number; -1 if they do not fit into one.
    let key (place: int) : int64 =
        let mutable bits = needed[place] &&& Axes.before place
        let mutable key = 0L

        while bits <> 0L && key >= 0L do
            let axis = System.Numerics.BitOperations.TrailingZeroCount bits
            bits <- bits &&& (bits - 1L)
            let size = int64 sizes[axis]

            key <-
                if key > (System.Int64.MaxValue - size) / size then
                    -1L
                else
                    key * size + int64 case[axis]

        key

    let rec below (place: int) : int64 =
        if place = sizes.Length then
            if choices.Counts then 1L else 0L
        else
            match known[place].TryGetValue(key place) with
            | true, count -> count
            | _ ->
                choices.Read <- 0L
                let struct (first, last) = choices.At place
                let read = choices.Read
                let mutable count = 0L

                for choice in first..last do
                    case[place] <- choice
                    count <- count + below (place + 1)

                // What was counted with fewer axes in mind is not comparable.
                let needs = needed[place] ||| needed[place + 1] ||| read

                if needs <> needed[place] then
                    needed[place] <- needs
                    known[place].Clear()

                let key = key place

                if key >= 0L && known[place].Count < most then
                    known[place][key] <- count

                count

    /// The number of cases that count and have the choices that were made on the axes before this one. Choices from
    /// there on are overwritten.
    member _.From(place: int) : int64 = below place
