namespace Matrix.Properties.Mutation

open Matrix.Rules
open Matrix.Core.Auth
open Matrix.Properties
open Matrix.Properties.Properties

/// A step of versions 2 and 2.1 of state resolution, with the law that fails without it.
type StepLaw = {
    /// The step.
    Step: string
    Law: Law<Conflict>
    /// The mutants that lack the step, by row and change. Not each version has all of them.
    Without: (string * string) list
}

/// The laws of the six steps.
[<RequireQualifiedAccess>]
module StepLaws =

    let private dropped (step: ResolutionStep) =
        $"dropped: {StateResolutionAlgorithm.words step}"

    let private gathering (part: ConflictedPart) =
        "state.full-conflicted-set", dropped (ResolutionStep.Gather part)

    let private step name law without : StepLaw = {
        Step = name
        Law = law
        Without = without
    }

    /// The six steps. A step has several laws if something else is left out for each.
    let all: StepLaw list = [
        step "1. the full conflicted set" StateResStepProperties.fullConflictedSet [
            gathering ConflictedPart.ConflictedState
            gathering ConflictedPart.AuthDifference
            gathering ConflictedPart.Subgraph
        ]
        step "2. the power events" StateResStepProperties.powerOrderIsClosed [
            "state.power-events", "dropped"
            "state.resolve.power-events", dropped ResolutionStep.CheckPowerEvents
        ]
        step "2. the reverse topological power ordering" StateResStepProperties.powerOrderIsTopological [
            "state.power-ordering", "dropped"
        ]
        step "3. the checks of the power events" StateResStepProperties.powerEventsAreChecked [
            "state.resolve.check-power-events", "dropped"
        ]
        step "4. the mainline ordering" StateResStepProperties.mainlineOrderIsTotal [
            "state.mainline-ordering", "dropped"
        ]
        step "5. the checks of the remaining events" StateResStepProperties.remainingAreChecked [
            "state.resolve.check-others", "dropped"
        ]
        step "6. the unconflicted state map" StateResProperties.agreementStays [
            "state.resolve.unconflicted", dropped ResolutionStep.KeepUnconflicted
        ]
    ]

    /// The laws of a version, except that the resolver is the definition, which every mutant breaks.
    let private lawsOf (version: RoomVersion) : Law<Conflict> list =
        (StateResProperties.laws
         |> List.filter (fun law -> law.Name <> StateResProperties.isTheDefinition.Name))
        @ StateResStepProperties.laws version.Settings.StateResolution

    /// The names of the laws that a mutant of a version breaks in a room.
    let brokenIn (version: RoomVersion) (mutant: ResolutionMutant) (graph, states) : string list =
        let conflict =
            Conflict.ofStates (Resolving.defined version mutant.Resolve) (AuthRules version) graph states

        lawsOf version
        |> List.filter (fun law -> not (law.Holds conflict))
        |> List.map _.Name
