namespace Matrix.Core.StateRes

open Matrix.Core.Auth

/// State resolution of a room version, by the steps of its algorithm. The cost follows the conflict: neither whole
/// states nor their shared history are visited. v1.19 rooms/v12#state-resolution
[<Sealed>]
type StateResolver =

    /// Resolves states. Their order does not matter.
    member Resolve:
        states: StatesToResolve * source: IEventSource * limits: ResolutionLimits -> Result<Resolution, ResolutionError>

    /// The resolver of the rules' version.
    static member Of: rules: AuthRules -> StateResolver
