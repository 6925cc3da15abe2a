namespace Matrix.Core.Discovery

open Matrix.Core.Json

type WellKnownReply = {
    Status: int
    CacheControl: string
    Expires: int64
    Date: int64
    Age: int64
    Body: byte[]
}

[<RequireQualifiedAccess>]
type WellKnownFault =
    | Status of int
    | TooLarge of limit: int
    | NotAnObject of JsonError
    | NoServer
    | InvalidServer of given: string
    | NoResponse of reason: string

    /// For logs.
    override this.ToString() =
        match this with
        | Status status -> $"the response has status {status}"
        | TooLarge limit -> $"the response is larger than {limit} bytes"
        | NotAnObject error -> $"the response is not a JSON object: {error}"
        | NoServer -> "the response has no string m.server"
        | InvalidServer given -> $"m.server is not a server name: {given}"
        | NoResponse reason -> reason

type WellKnownLimits = {
    Bytes: int
    DefaultTime: int64
    MaximumTime: int64
    MinimumTime: int64
    FirstErrorTime: int64
    MaximumErrorTime: int64
} with

    static member Default = {
        Bytes = 51_200
        DefaultTime = 24L * 3_600_000L
        MaximumTime = 48L * 3_600_000L
        MinimumTime = 60_000L
        FirstErrorTime = 60_000L
        MaximumErrorTime = 3_600_000L
    }

[<Sealed>]
type WellKnownEntry private (server: string | null, fault: WellKnownFault voption, validUntil: int64, failures: int) =

    /// The nesting of a body. A valid one has an object of one member.
    static let depth = 64

    /// `m.server` of a response.
    static let read (reply: WellKnownReply) (limits: WellKnownLimits) : Result<string, WellKnownFault> =
        if reply.Status <> 200 then
            Error(WellKnownFault.Status reply.Status)
        elif reply.Body.Length > limits.Bytes then
            Error(WellKnownFault.TooLarge limits.Bytes)
        else
            let bounds = { Bytes = limits.Bytes; Depth = depth }

            match JsonReader.ParseObject(System.ReadOnlySpan reply.Body, Reading.Client, bounds) with
            | Error error -> Error(WellKnownFault.NotAnObject error)
            | Ok body ->
                match body.Text "m.server" with
                | null -> Error WellKnownFault.NoServer
                | server when (ServerHost.parse server).IsNone -> Error(WellKnownFault.InvalidServer server)
                | server -> Ok server

    /// A failure is kept for a time that doubles with each repetition, or longer if the response says so.
    static let failed fault (fresh: int64 voption) (previous: WellKnownEntry | null) now limits =
        let failures =
            match previous with
            | null -> 1
            | entry -> min 30 (entry.Failures + 1)

        let backoff = limits.FirstErrorTime <<< (failures - 1)
        let time = max backoff (ValueOption.defaultValue 0L fresh)
        WellKnownEntry(null, ValueSome fault, now + min time limits.MaximumErrorTime, failures)

    member _.Server = server

    member _.Fault: WellKnownFault | null =
        match fault with
        | ValueSome f -> f
        | ValueNone -> null

    member _.ValidUntil = validUntil
    member _.Failures = failures

    member _.Response =
        match server with
        | null -> Response.NotDelegated
        | name -> Response.Delegated name

    static member Read(reply, previous: WellKnownEntry | null, now, limits) : WellKnownEntry =
        let fresh =
            CacheControl.freshFor reply.CacheControl reply.Expires reply.Date reply.Age now

        match read reply limits with
        | Error fault -> failed fault fresh previous now limits
        | Ok server ->
            let time = ValueOption.defaultValue limits.DefaultTime fresh

            let kept = min (max time limits.MinimumTime) limits.MaximumTime
            WellKnownEntry(server, ValueNone, now + kept, 0)

    static member Failed(fault, previous: WellKnownEntry | null, now, limits) : WellKnownEntry =
        failed fault ValueNone previous now limits
