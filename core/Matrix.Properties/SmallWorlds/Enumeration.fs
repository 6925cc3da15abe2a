namespace Matrix.Properties.SmallWorlds

open System
open Matrix.Rules

/// The portion of a world's cases that is visited.
type Portion = {
    /// One in this many of the cases that count; 1 for all.
    Every: int64
    /// Those cases are dealt into `Shares` shares; this is the index of the share that is visited.
    Share: int
    Shares: int
}

/// A walk through the cases of one weight. It is a type, because a function inside a function would be called with all
/// that is used here, at each step.
[<Sealed>]
type private OfWeight(world: World, choices: Choices, visit: int[] -> bool) =

    let case = choices.Case

    let weights =
        world.Axes |> Array.map (fun axis -> axis.Choices |> Array.map _.Weight)

    // The least and the greatest weight of the axes from an index on.
    let least = Array.scanBack (+) (Array.map Array.min weights) 0
    let most = Array.scanBack (+) (Array.map Array.max weights) 0

    let rec walk (place: int) (left: int) : bool =
        if left < least[place] || left > most[place] then
            false
        elif place = case.Length then
            visit case
        else
            let struct (first, last) = choices.At place
            let mutable found = false
            let mutable choice = first

            while not found && choice <= last do
                case[place] <- choice
                found <- walk (place + 1) (left - weights[place][choice])
                choice <- choice + 1

            found

    /// Whether the visitor returned true for a case.
    member _.Walk(weight: int) : bool = walk 0 (weight - world.Base)

/// Visits the cases of a world, without equivalent ones: where an axis makes no difference, only its lightest choice
/// counts; of two cases that differ by the swap of two users, only the first.
[<RequireQualifiedAccess>]
module Enumeration =

    /// All cases.
    let whole = { Every = 1L; Share = 0; Shares = 1 }

    /// One in this many cases.
    let slice (every: int64) = { whole with Every = every }

    /// From here on, cases that are not visited are counted without a look at each.
    let private sparse = 16L

    /// The equivalent case with the lightest choice on each axis that makes no difference.
    let withoutIdle (world: World) (version: RoomVersion) (case: int[]) : int[] =
        let choices = Choices(world, [ version ])
        let plain = choices.Case
        Array.blit case 0 plain 0 plain.Length

        for place in 0 .. plain.Length - 1 do
            let struct (first, last) = choices.At place

            if first = last then
                plain[place] <- first

        plain

    /// Visits the cases that count in all of these versions, in a fixed order. Returns how many there are and how many
    /// were visited. The visitor must not keep the array.
    let run
        (world: World)
        (versions: RoomVersion list)
        (portion: Portion)
        (visit: int[] -> unit)
        : struct (int64 * int64) =
        let choices = Choices(world, versions)
        let counting = Counting(world, choices)
        let case = choices.Case
        let step = portion.Every * int64 portion.Shares
        let mutable next = portion.Every * int64 portion.Share
        let mutable counted = 0L
        let mutable visited = 0L

        let rec walk (place: int) =
            if place = case.Length then
                if choices.Counts then
                    if counted = next then
                        visited <- visited + 1L
                        next <- next + step
                        visit case

                    counted <- counted + 1L
            else
                let below =
                    if step < sparse then
                        Int64.MaxValue
                    else
                        counting.From place

                if below <= next - counted then
                    counted <- counted + below
                else
                    let struct (first, last) = choices.At place

                    for choice in first..last do
                        case[place] <- choice
                        walk (place + 1)

        walk 0
        struct (counted, visited)

    /// Draws numbers below a bound. The same seed draws the same numbers.
    let private drawing (seed: uint64) : int -> int =
        let state = ref seed

        // SplitMix64: the drawn cases must not depend on the runtime.
        fun below ->
            state.Value <- state.Value + 0x9E3779B97F4A7C15UL
            let z = state.Value
            let z = (z ^^^ (z >>> 30)) * 0xBF58476D1CE4E5B9UL
            let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
            int ((z ^^^ (z >>> 31)) % uint64 below)

    /// Visits a number of drawn cases. On each axis, every choice that makes a difference is equally likely. The same
    /// seed draws the same cases.
    let sample (world: World) (versions: RoomVersion list) (count: int) (seed: uint64) (visit: int[] -> unit) =
        let choices = Choices(world, versions)
        let case = choices.Case
        let sizes = world.Axes |> Array.map _.Choices.Length
        let draw = drawing seed

        for _ in 1..count do
            for place in 0 .. case.Length - 1 do
                let struct (first, last) = choices.At place
                case[place] <- if first = last then first else draw sizes[place]

            visit case

    /// Cases that are decided alike if the axes declared idle are idle: returns the given case with drawn choices on
    /// its idle axes, in an array that the next call overwrites; null if it has no such axes.
    let alikes (world: World) (version: RoomVersion) (seed: uint64) : int[] -> int[] | null =
        let choices = Choices(world, [ version ])
        let sizes = world.Axes |> Array.map _.Choices.Length
        let alike: int[] = Array.zeroCreate sizes.Length
        let draw = drawing seed

        fun case ->
            let mutable redrawn = false
            Array.blit case 0 choices.Case 0 case.Length

            for place in 0 .. case.Length - 1 do
                let struct (first, last) = choices.At place

                if first = last && sizes[place] > 1 then
                    redrawn <- true
                    alike[place] <- draw sizes[place]
                else
                    alike[place] <- case[place]

            if redrawn then alike else null

    /// Visits the cases of exactly this weight until the visitor returns true. Returns whether it did.
    let ofWeight (world: World) (versions: RoomVersion list) (weight: int) (visit: int[] -> bool) : bool =
        OfWeight(world, Choices(world, versions), visit).Walk weight

    /// The smallest witness, as its world and choices: the lightest case that passes a test. Stops at a weight limit.
    let smallest
        (worlds: World list)
        (versions: RoomVersion list)
        (limit: int)
        (test: World -> int[] -> bool)
        : (World * int[]) option =
        let mutable found = None
        let mutable weight = 0

        while found.IsNone && weight <= limit do
            found <-
                worlds
                |> List.tryPick (fun world ->
                    let mutable witness = None

                    ofWeight world versions weight (fun case ->
                        if test world case then
                            witness <- Some(world, Array.copy case)

                        witness.IsSome)
                    |> ignore

                    witness)

            weight <- weight + 1

        found
