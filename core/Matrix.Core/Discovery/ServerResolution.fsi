namespace Matrix.Core.Discovery

/// The resolution of one server name. v1.19 server-server-api#resolving-server-names. It performs no input or output,
/// and is not for several threads at once: give `Receive` the name, perform the requests of the output, and give it
/// their responses, until the output has a destination or a fault.
///
/// A lookup that fails ends the resolution: only the absence of an SRV record leads to the next step.
[<Sealed>]
type ServerResolution =

    /// A new resolution. `random` decides the order of SRV records of the same priority.
    static member Of: random: uint64 * limits: DiscoveryLimits -> ServerResolution

    /// Takes inputs, in order. After the destination or fault, the output stays the same.
    member Receive: inputs: Input[] -> Output
