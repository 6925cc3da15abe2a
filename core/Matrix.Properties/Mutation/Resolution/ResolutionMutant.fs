namespace Matrix.Properties.Mutation

open Matrix.Rules
open Matrix.Properties.Generators
open Matrix.Properties.Reference.StateResolution

/// State resolution with one thing changed.
type ResolutionMutant = {
    /// The row of the version's tables.
    Rule: string
    /// The change.
    Mutation: string
    /// The changed steps, if they are all that changes: the core can resolve by them too.
    Algorithm: StateResolutionAlgorithm option
    Resolve: RoomGraph -> StateMap list -> ResolutionOutcome
} with

    /// Its name, the same in every version that has the mutant.
    member this.Id = Mutant.NameOf(Subject.StateResolution, this.Rule, this.Mutation)

/// A change of the steps of versions 2 and 2.1, which may depend on the room and on the states to resolve.
type internal StepsChange = {
    Row: string
    What: string
    Change: RoomGraph -> StateMap list -> Version2.Steps -> Version2.Steps
}

/// Constructors of changes.
module internal StepsChange =

    /// A change that depends on the states.
    let given row what change : StepsChange = {
        Row = row
        What = what
        Change = change
    }

    /// A change that is the same for all rooms.
    let plain row what (change: Version2.Steps -> Version2.Steps) : StepsChange =
        given row what (fun _ _ steps -> change steps)

    /// Changes of an order that compares by several keys, each with the row that says it.
    let ofKeys
        (rows: string list)
        (put: ((string -> string -> int) list -> (string -> string -> int) list) -> Version2.Steps -> Version2.Steps)
        : StepsChange list =
        let last = rows.Length - 1

        [
            for i, row in List.indexed rows do
                // Without the last key, ties would be left to the order in which a set lists its events.
                if i < last then
                    plain row "dropped" (put (List.removeAt i))
                    plain row "after the next" (put (fun keys -> List.insertAt (i + 1) keys[i] (List.removeAt i keys)))

                plain row "inverted" (put (fun keys -> keys |> List.updateAt i (fun a b -> keys[i] b a)))
        ]
