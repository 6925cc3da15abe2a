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

/// Visits the cases of a world, without equivalent ones: where an axis makes no difference, only its lightest choice
/// counts; of two cases that differ by the swap of two users, only the first.
[<RequireQualifiedAccess>]
module Enumeration =

    /// All cases.
    let whole = { Every = 1L; Share = 0; Shares = 1 }

    /// One in this many cases.
    let slice (every: int64) = { whole with Every = every }

    let private isIdle (world: World) (versions: RoomVersion list) (reading: CaseReader) (place: int) : bool =
        reading.Allowed <- Axes.before place
        versions |> List.forall (fun version -> world.Idle[place] version reading)

    /// The first and the last choice that count.
    let private choices
        (world: World)
        (versions: RoomVersion list)
        (reading: CaseReader)
        (place: int)
        : struct (int * int) =
        if isIdle world versions reading place then
            struct (world.Lightest[place], world.Lightest[place])
        else
            struct (0, world.Axes[place].Choices.Length - 1)

    /// The equivalent case with the lightest choice on each axis that makes no difference.
    let withoutIdle (world: World) (version: RoomVersion) (case: int[]) : int[] =
        let plain = Array.copy case
        let reading = CaseReader(plain, 0L)

        for place in 0 .. plain.Length - 1 do
            if isIdle world [ version ] reading place then
                plain[place] <- world.Lightest[place]

        plain

    /// Visits the cases that count in all of these versions, in a fixed order. Returns how many there are and how many
    /// were visited. The visitor must not keep the array.
    let run
        (world: World)
        (versions: RoomVersion list)
        (portion: Portion)
        (visit: int[] -> unit)
        : struct (int64 * int64) =
        let case: int[] = Array.zeroCreate world.Axes.Length
        let reading = CaseReader(case, 0L)
        let mutable counted = 0L
        let mutable visited = 0L

        let rec walk (place: int) =
            if place = case.Length then
                let counts =
                    match world.Swap with
                    | None -> true
                    | Some swap -> World.isFirstOfPair swap case

                if counts then
                    let ordinal = counted / portion.Every
                    counted <- counted + 1L

                    if
                        ordinal * portion.Every = counted - 1L
                        && ordinal % int64 portion.Shares = int64 portion.Share
                    then
                        visited <- visited + 1L
                        visit case
            else
                let struct (first, last) = choices world versions reading place

                for choice in first..last do
                    case[place] <- choice
                    walk (place + 1)

        walk 0
        struct (counted, visited)

    /// Visits a number of drawn cases. On each axis, every choice that makes a difference is equally likely. The same
    /// seed draws the same cases.
    let sample (world: World) (versions: RoomVersion list) (count: int) (seed: uint64) (visit: int[] -> unit) =
        let case: int[] = Array.zeroCreate world.Axes.Length
        let sizes = world.Axes |> Array.map _.Choices.Length
        let reading = CaseReader(case, 0L)
        let mutable state = seed

        // SplitMix64: the drawn cases must not depend on the runtime.
        let draw (below: int) =
            state <- state + 0x9E3779B97F4A7C15UL
            let z = (state ^^^ (state >>> 30)) * 0xBF58476D1CE4E5B9UL
            let z = (z ^^^ (z >>> 27)) * 0x94D049BB133111EBUL
            int ((z ^^^ (z >>> 31)) % uint64 below)

        for _ in 1..count do
            for place in 0 .. case.Length - 1 do
                let struct (first, last) = choices world versions reading place
                case[place] <- if first = last then first else draw sizes[place]

            visit case

    /// Visits the cases of exactly this weight until the visitor returns true. Returns whether it did.
    let ofWeight (world: World) (versions: RoomVersion list) (weight: int) (visit: int[] -> bool) : bool =
        let n = world.Axes.Length
        let case: int[] = Array.zeroCreate n
        let reading = CaseReader(case, 0L)

        let weights =
            world.Axes |> Array.map (fun axis -> axis.Choices |> Array.map _.Weight)

        let lightest = weights |> Array.map Array.min
        let heaviest = weights |> Array.map Array.max
        // The least and the greatest weight of the axes from an index on.
        let least = Array.scanBack (+) lightest 0
        let most = Array.scanBack (+) heaviest 0

        let rec walk (place: int) (left: int) : bool =
            if left < least[place] || left > most[place] then
                false
            elif place = n then
                visit case
            else
                let struct (first, last) = choices world versions reading place
                let mutable found = false
                let mutable choice = first

                while not found && choice <= last do
                    case[place] <- choice
                    found <- walk (place + 1) (left - weights[place][choice])
                    choice <- choice + 1

                found

        walk 0 (weight - world.Base)

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
