namespace Matrix.Cli.Rules

open Matrix.Cli.Output
open Matrix.Core.Auth
open Matrix.Proofs.Universe
open Matrix.Properties.Generators
open Matrix.Rules

/// Cases that solvers found, in lines.
module internal CaseLines =

    /// The event, the state and the facts.
    let ofCase (found: FoundCase) : string list =
        let case = found.Case

        [
            $"{case.Event.Sender} sends {Cases.told case.Event}"
            for event in Cases.state case do
                $"state: {event.Sender} sent {Cases.told event}"
            yield! Cases.facts case
        ]

    /// What a version, called by this name, decides.
    let decided (name: string) (version: RoomVersion) (found: FoundCase) : string =
        let decision =
            AuthCase.decide (AuthRules version) { found.Case with Version = version }

        $"{name} {Cases.verb decision} it: {Cases.why version decision}"
