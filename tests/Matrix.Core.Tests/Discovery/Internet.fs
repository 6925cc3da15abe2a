/// What the requests of a resolution find, for tests.
module Matrix.Core.Tests.Internet

open System.Collections.Generic
open Matrix.Core.Discovery

/// The responses by name. A name that is missing has no `.well-known`, no SRV records and no addresses.
type Internet = {
    WellKnown: Map<string, string>
    Services: Map<string, ServiceRecord list>
    Addresses: Map<string, string list>
    /// Names that are aliases.
    Aliases: Set<string>
    /// Names for which the name servers give no answer.
    Silent: Set<string>
}

let empty: Internet = {
    WellKnown = Map.empty
    Services = Map.empty
    Addresses = Map.empty
    Aliases = Set.empty
    Silent = Set.empty
}

let delegates host server internet = {
    internet with
        WellKnown = internet.WellKnown.Add(host, server)
}

let service priority weight port target : ServiceRecord = {
    Priority = priority
    Weight = weight
    Port = port
    Target = target
}

let hasServices name records internet = {
    internet with
        Services = internet.Services.Add(name, records)
}

let hasAddresses name addresses internet = {
    internet with
        Addresses = internet.Addresses.Add(name, addresses)
}

let isAlias name internet = {
    internet with
        Aliases = internet.Aliases.Add name
}

let isSilent name internet = {
    internet with
        Silent = internet.Silent.Add name
}

let respond (internet: Internet) (request: Request) : Response =
    match request with
    | Request.WellKnown host ->
        match internet.WellKnown.TryFind host with
        | Some server -> Response.Delegated server
        | None -> Response.NotDelegated
    | Request.Services name when internet.Silent.Contains name -> Response.Failed "SERVFAIL"
    | Request.Services name ->
        internet.Services.TryFind name
        |> Option.defaultValue []
        |> Array.ofList
        |> Response.Services
    | Request.Addresses name when internet.Silent.Contains name -> Response.Failed "SERVFAIL"
    | Request.Addresses name ->
        let found = internet.Addresses.TryFind name |> Option.defaultValue []
        Response.Addresses(Array.ofList found, internet.Aliases.Contains name)

/// A finished resolution: its requests in order, and its last output.
type Resolved = {
    Requests: Request list
    Output: Output
} with

    /// The destination of a resolution that must have one.
    member this.Destination =
        match this.Output.Destination with
        | null -> failwith $"no destination: {this.Output.Fault}"
        | destination -> destination

    /// The fault of a resolution that must have one.
    member this.Fault =
        match this.Output.Fault with
        | null -> failwith $"no fault: {this.Output.Destination}"
        | fault -> fault

    /// The end points as `address:port`.
    member this.EndPoints = [ for e in this.Destination.EndPoints -> $"{e.Address} {e.Port}" ]

/// Resolves a name. `shuffle` decides the order in which the responses to requests of the same output come.
let resolveWith random limits (shuffle: Request[] -> Request[]) (internet: Internet) (name: string) : Resolved =
    let machine = ServerResolution.Of(random, limits)
    let requests = List<Request>()

    let rec go (output: Output) =
        requests.AddRange output.Requests

        if Array.isEmpty output.Requests then
            output
        else
            output.Requests
            |> shuffle
            |> Array.map (fun request -> Input.Responded(request, respond internet request))
            |> machine.Receive
            |> go

    let output = go (machine.Receive [| Input.Resolve name |])

    {
        Requests = List.ofSeq requests
        Output = output
    }

let resolve (internet: Internet) (name: string) : Resolved =
    resolveWith 1UL DiscoveryLimits.Default id internet name
