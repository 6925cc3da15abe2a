namespace Matrix.Properties.Mutation

open System.Collections.Generic
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution
open Matrix.Rules

/// The room that distinguishes a mutant of state resolution.
type ResolutionKill = {
    /// A smallest room: no event, state or entry of it can be left out.
    Room: ResolutionRoom
    Right: ResolutionOutcome
    Wrong: ResolutionOutcome
}

/// Tries mutants of state resolution in rooms.
[<RequireQualifiedAccess>]
module ResolutionRun =

    /// The number of rooms that are drawn for a version.
    let drawn = 4000

    /// Whether two resolutions of the same states differ in the result.
    let private differ (a: ResolutionOutcome) (b: ResolutionOutcome) : bool = a.Resolved <> b.Resolved

    /// For each mutant, the smallest room that distinguishes it from its version, if one does.
    let run
        (rooms: ResolutionRoom[])
        (mutants: ResolutionMutant list)
        : (ResolutionMutant * ResolutionKill option) list =
        let right =
            rooms
            |> Array.map (fun room -> lazy (StateResReference.resolve room.Graph room.States))

        [
            for mutant in mutants do
                let shows (room: ResolutionRoom) =
                    differ (StateResReference.resolve room.Graph room.States) (mutant.Resolve room.Graph room.States)

                mutant,
                rooms
                |> Seq.indexed
                |> Seq.tryFind (fun (i, room) -> differ right[i].Value (mutant.Resolve room.Graph room.States))
                |> Option.map (fun (_, room) ->
                    let smallest = ResolutionRooms.shrink shows room

                    {
                        Room = smallest
                        Right = StateResReference.resolve smallest.Graph smallest.States
                        Wrong = mutant.Resolve smallest.Graph smallest.States
                    })
        ]

    /// A kill in words.
    let describe (kill: ResolutionKill) : string =
        let difference = ResolutionRooms.difference kill.Right.Resolved kill.Wrong.Resolved
        $"a room of {kill.Room.Size} events: {difference}; {ResolutionRooms.describe kill.Room}"
