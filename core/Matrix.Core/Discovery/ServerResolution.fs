namespace Matrix.Core.Discovery

open System
open System.Collections.Generic

/// What requests must say, and what the certificate must be for.
type private Identity = {
    HostHeader: string
    CertificateName: string
}

/// The steps of the page that look up an SRV record: 3.3 and 4, then 3.4 and 5.
[<RequireQualifiedAccess>]
type private ServiceStep =
    | MatrixFed
    /// Deprecated.
    | Matrix

/// A host name whose addresses are looked up.
[<Struct>]
type private Target = {
    Name: string
    Port: int
    IsOfService: bool
}

[<RequireQualifiedAccess>]
type private Stage =
    | Start
    | WellKnown of host: string
    | Services of step: ServiceStep * host: string
    | Addresses of identity: Identity * targets: Target[]
    | Found of Destination
    | Faulted of DiscoveryFault

[<Sealed>]
type ServerResolution private (random: uint64, limits: DiscoveryLimits) =

    /// The port of a server whose name gives none.
    let defaultPort = 8448

    let mutable stage = Stage.Start

    /// Outstanding requests.
    let waiting = HashSet<Request>()

    /// Responses to the address requests of this stage, by name.
    let addresses = Dictionary<string, Response>()

    /// New requests of this call.
    let requests = List<Request>()

    let request (r: Request) =
        if waiting.Add r then
            requests.Add r

    /// Steps 2, 3.2, 3.5 and 6, and the targets of SRV records.
    let findAddresses (identity: Identity) (targets: Target[]) =
        stage <- Stage.Addresses(identity, targets)

        for target in targets do
            request (Request.Addresses target.Name)

    let findAddress (identity: Identity) (name: string) (port: int) =
        findAddresses identity [|
            {
                Name = name
                Port = port
                IsOfService = false
            }
        |]

    let ofHost (host: string) : Identity = {
        HostHeader = host
        CertificateName = host
    }

    let rec findServices (step: ServiceStep) (host: string) =
        let prefix =
            match step with
            | ServiceStep.MatrixFed -> "_matrix-fed._tcp."
            | ServiceStep.Matrix -> "_matrix._tcp."

        stage <- Stage.Services(step, host)

        // No zone can hold records of a longer name.
        if prefix.Length + host.Length > ServerHost.MaxNameLength then
            withoutServices step host
        else
            request (Request.Services(prefix + host))

    and withoutServices (step: ServiceStep) (host: string) =
        match step with
        | ServiceStep.MatrixFed -> findServices ServiceStep.Matrix host
        | ServiceStep.Matrix -> findAddress (ofHost host) host defaultPort

    /// Steps 3.3, 3.4, 4 and 5: records were found.
    let withServices (name: string) (host: string) (records: ServiceRecord[]) =
        let targets =
            records
            |> Array.sortBy _.Priority
            |> Array.truncate limits.Records
            |> ServiceOrder.order random
            |> Array.map (fun record -> {
                Name = record.Target.TrimEnd '.'
                Port = record.Port
                IsOfService = true
            })
            |> Array.filter (fun target ->
                target.Port >= 1
                && target.Port <= 65535
                && Matrix.Core.Ident.ServerName.isValid target.Name
                && not (target.Name.Contains ':')
                && ServerHost.isHostName target.Name)
            |> Array.distinct
            |> Array.truncate limits.Targets

        if Array.isEmpty targets then
            stage <- Stage.Faulted(DiscoveryFault.NoService name)
        else
            findAddresses (ofHost host) targets

    /// Steps 1 and 3.1: the address is in the name.
    let useLiteral (serverName: string) (address: string) (port: int voption) =
        stage <-
            Stage.Found {
                EndPoints = [|
                    {
                        Address = address
                        Port = ValueOption.defaultValue defaultPort port
                    }
                |]
                HostHeader = serverName
                CertificateName = address
                CertificateIsForAddress = true
            }

    /// Steps 1 to 3 for the server name itself, 3.1 to 3.5 for a delegated one.
    let resolve (serverName: string) (isDelegated: bool) =
        match ServerHost.parse serverName with
        | ValueNone -> stage <- Stage.Faulted(DiscoveryFault.InvalidName serverName)
        | ValueSome(ServerHost.Literal(address, port)) -> useLiteral serverName address port
        | ValueSome(ServerHost.Named(host, ValueSome port)) ->
            let identity = {
                HostHeader = serverName
                CertificateName = host
            }

            findAddress identity host port
        | ValueSome(ServerHost.Named(host, ValueNone)) when isDelegated -> findServices ServiceStep.MatrixFed host
        | ValueSome(ServerHost.Named(host, ValueNone)) ->
            stage <- Stage.WellKnown host
            request (Request.WellKnown host)

    /// IPv6 and IPv4 by turns, IPv6 first. RFC 8305, section 4.
    let byTurns (addresses: string[]) : string[] =
        let six, four =
            addresses
            |> Array.distinct
            |> Array.partition (fun address -> address.Contains ':')

        Array.init (2 * max six.Length four.Length) (fun i ->
            let family = if i % 2 = 0 then six else four
            if i / 2 < family.Length then [| family[i / 2] |] else [||])
        |> Array.concat

    /// The end points of a target, or why it has none.
    let endPoints (target: Target) : Result<EndPoint[], DiscoveryFault> =
        match addresses[target.Name] with
        | Response.Addresses(_, true) when target.IsOfService -> Error(DiscoveryFault.TargetIsAlias target.Name)
        | Response.Addresses(found, _) when found.Length > 0 ->
            Ok(
                byTurns found
                |> Array.map (fun address -> {
                    Address = address
                    Port = target.Port
                })
            )
        | Response.Failed reason -> Error(DiscoveryFault.LookupFailed(target.Name, reason))
        | _ -> Error(DiscoveryFault.NoAddress target.Name)

    /// All addresses are known: targets without one are left out.
    let conclude (identity: Identity) (targets: Target[]) =
        let results = targets |> Array.map endPoints

        let found =
            results
            |> Array.collect (Result.defaultValue [||])
            |> Array.distinct
            |> Array.truncate limits.EndPoints

        let faults =
            results
            |> Array.choose (function
                | Error fault -> Some fault
                | Ok _ -> None)

        stage <-
            if found.Length > 0 then
                Stage.Found {
                    EndPoints = found
                    HostHeader = identity.HostHeader
                    CertificateName = identity.CertificateName
                    CertificateIsForAddress = false
                }
            else
                faults
                |> Array.tryFind _.IsTemporary
                |> Option.defaultValue faults[0]
                |> Stage.Faulted

    let responded (request: Request) (response: Response) =
        match stage, request, response with
        | Stage.WellKnown _, Request.WellKnown _, Response.Delegated serverName -> resolve serverName true
        | Stage.WellKnown host, Request.WellKnown _, _ -> findServices ServiceStep.MatrixFed host
        | Stage.Services(step, host), Request.Services _, Response.Services [||] -> withoutServices step host
        | Stage.Services(_, host), Request.Services name, Response.Services records -> withServices name host records
        | Stage.Services _, Request.Services name, Response.Failed reason ->
            stage <- Stage.Faulted(DiscoveryFault.LookupFailed(name, reason))
        | Stage.Services(step, host), Request.Services _, _ -> withoutServices step host
        | Stage.Addresses(identity, targets), Request.Addresses name, _ ->
            addresses[name] <- response

            if waiting.Count = 0 then
                conclude identity targets
        | _ -> ()

    static member Of(random: uint64, limits: DiscoveryLimits) : ServerResolution = ServerResolution(random, limits)

    member _.Receive(inputs: Input[]) : Output =
        requests.Clear()

        for input in inputs do
            match input with
            | Input.Resolve serverName ->
                if stage = Stage.Start then
                    resolve serverName false
            | Input.Responded(request, response) ->
                if waiting.Remove request then
                    responded request response

        {
            Requests = requests.ToArray()
            Destination =
                match stage with
                | Stage.Found destination -> destination
                | _ -> null
            Fault =
                match stage with
                | Stage.Faulted fault -> fault
                | _ -> null
        }
