namespace Matrix.Core.Room.Incoming.Protocol

open Matrix.Rules
open Matrix.Core.Room
open Matrix.Core.State
open Matrix.Core.StateRes

/// The steps of the machine in which servers could differ. A server uses `Behaviour.usual`; simulations use others to
/// show that the difference is noticed.
type Behaviour = {
    /// Resolves several states that differ, given the resolution of the room version.
    Resolve: (StateTree[] -> Result<StateTree, ResolutionError>) -> StateTree[] -> Result<StateTree, ResolutionError>
    /// The verdict on an event that the current state alone does not allow.
    NotInCurrentState: Failure -> Verdict
    /// Whether a server requests the state before each event at once, and prefers it to the state that it computed.
    BelievesStates: bool
    /// Whether the state before an event that a peer sent is resolved with those after its known previous events.
    JoinsStates: bool
    /// Whether a failed flush restores the extremities.
    RestoresExtremities: bool
}

/// The steps that the specification requires.
[<RequireQualifiedAccess>]
module Behaviour =

    /// The behaviour of every server.
    let usual: Behaviour = {
        Resolve = id
        NotInCurrentState = Verdict.SoftFailed
        BelievesStates = false
        JoinsStates = false
        RestoresExtremities = true
    }
