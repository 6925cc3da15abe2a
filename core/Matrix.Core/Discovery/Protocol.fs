namespace Matrix.Core.Discovery

/// A request of the machine to the host.
[<RequireQualifiedAccess>]
type Request =
    /// `GET https://<host>/.well-known/matrix/server`, with redirects followed.
    | WellKnown of Host: string
    /// The SRV records of a name.
    | Services of Name: string
    /// The AAAA and A records of a name, with aliases (CNAME) followed.
    | Addresses of Name: string

/// An SRV record. RFC 2782.
[<Struct>]
type ServiceRecord = {
    /// Lower ones are tried first.
    Priority: int
    /// The share among records of the same priority.
    Weight: int
    Port: int
    /// A host name; "." if the service is not available at this domain.
    Target: string
}

/// The response to a request.
[<RequireQualifiedAccess>]
type Response =
    /// To `WellKnown`: a valid response, with its `m.server`.
    | Delegated of serverName: string
    /// To `WellKnown`: an error response, or an invalid one.
    | NotDelegated
    /// To `Services`: the records; empty if there are none.
    | Services of records: ServiceRecord[]
    /// To `Addresses`: the addresses as text, empty if there are none, and whether the name is an alias.
    | Addresses of addresses: string[] * isAlias: bool
    /// To `Services` and `Addresses`: the name servers gave no answer. They may give one later.
    | Failed of reason: string

/// An input of the machine.
[<RequireQualifiedAccess>]
type Input =
    /// Resolve this server name: the first input.
    | Resolve of serverName: string
    /// A request got its response. The response to a request that is not outstanding is ignored.
    | Responded of request: Request * response: Response

/// An address and port to connect to.
[<Struct>]
type EndPoint = { Address: string; Port: int }

/// How to reach a server.
type Destination = {
    /// Where to connect, in the order to try.
    EndPoints: EndPoint[]
    /// The `Host` header of requests.
    HostHeader: string
    /// The name or address for which the server must present a valid certificate; an IPv6 address without brackets.
    CertificateName: string
    /// Whether the certificate is for an address. TLS sends no server name (SNI) then. RFC 6066, section 3.
    CertificateIsForAddress: bool
}

/// Why no destination was found.
[<RequireQualifiedAccess>]
type DiscoveryFault =
    /// It is not a server name, or no host can have this name.
    | InvalidName of given: string
    /// The name has no address.
    | NoAddress of name: string
    /// The domain's SRV records say that it has no such service (target "."), or no port of it.
    | NoService of name: string
    /// The target of an SRV record is an alias.
    | TargetIsAlias of target: string
    /// The name servers gave no answer for this name.
    | LookupFailed of name: string * reason: string

    /// Whether the same name may resolve later.
    member this.IsTemporary =
        match this with
        | LookupFailed _ -> true
        | _ -> false

    /// For logs and error objects.
    override this.ToString() =
        match this with
        | InvalidName given -> $"{given} is not the name of a server"
        | NoAddress name -> $"{name} has no address"
        | NoService name -> $"the SRV records of {name} name no host"
        | TargetIsAlias target -> $"{target}, the target of an SRV record, is an alias"
        | LookupFailed(name, reason) -> $"{name} was not resolved: {reason}"

/// The result of an input.
type Output = {
    /// New requests. They are independent of each other.
    Requests: Request[]
    /// How to reach the server; null if this is not known yet, or there is a fault.
    Destination: Destination | null
    /// Why there is no destination; null if there is one, or this is not known yet.
    Fault: DiscoveryFault | null
}

/// Bounds of one resolution.
type DiscoveryLimits = {
    /// The most SRV records of a name that are ordered: those with the lowest priorities.
    Records: int
    /// The most targets of SRV records whose addresses are looked up: the first in their order.
    Targets: int
    /// The most end points of a destination.
    EndPoints: int
} with

    /// The default bounds.
    static member Default = {
        Records = 64
        Targets = 8
        EndPoints = 16
    }
