namespace Matrix.Core.StateRes

open Matrix.Core.Auth

/// State resolution of a room version, by the steps that its algorithm has. Room versions, "State resolution".
/// The cost follows the conflict: neither the states nor the past that they share is walked through.
[<Sealed>]
type StateResolver =

    /// Resolves states into one. Does not depend on their order.
    member Resolve:
        states: StatesToResolve * source: IEventSource * limits: ResolutionLimits -> Result<Resolution, ResolutionError>

    /// The resolver of the rules' version.
    static member Of: rules: AuthRules -> StateResolver
