namespace Matrix.Core.Discovery

open Matrix.Core.Json

/// The response to `GET /.well-known/matrix/server`, after redirects.
type WellKnownReply = {
    Status: int
    /// The `Cache-Control` fields, joined with commas; "" if there are none.
    CacheControl: string
    /// `Expires` in milliseconds since the epoch, 0 if it is no date; -1 if there is none.
    Expires: int64
    /// `Date` in milliseconds since the epoch; -1 if there is none.
    Date: int64
    /// `Age` in seconds; 0 if there is none.
    Age: int64
    Body: byte[]
}

/// Why a response has no `m.server`.
[<RequireQualifiedAccess>]
type WellKnownFault =
    /// Not 200.
    | Status of int
    /// The body is larger than `limit` bytes.
    | TooLarge of limit: int
    /// The body is not a JSON object.
    | NotAnObject of JsonError
    /// `m.server` is missing, or is no string.
    | NoServer
    /// `m.server` is not a server name that a host can have.
    | InvalidServer of given: string
    /// There was no response: no connection, no valid certificate, a redirect that is not followed, a timeout.
    | NoResponse of reason: string

/// Bounds of responses. Times are in milliseconds.
type WellKnownLimits = {
    /// The largest body in bytes.
    Bytes: int
    /// How long a valid response without cache headers is kept.
    DefaultTime: int64
    /// The longest time that a valid response is kept.
    MaximumTime: int64
    /// The shortest time that a valid response is kept, whatever its headers say.
    MinimumTime: int64
    /// How long the first failure is kept. Each repeated failure doubles the time.
    FirstErrorTime: int64
    /// The longest time that a failure is kept.
    MaximumErrorTime: int64
} with

    /// The bounds that the specification recommends; it has none for the shortest times.
    static member Default: WellKnownLimits

/// A response as it is kept. v1.19 server-server-api#resolving-server-names, step 3.
[<Sealed>]
type WellKnownEntry =

    /// The delegated server name; null if there is a fault.
    member Server: string | null

    /// Why there is no delegated server name; null if there is one.
    member Fault: WellKnownFault | null

    /// When it must be fetched again, in milliseconds since the epoch.
    member ValidUntil: int64

    /// The number of failures since the last valid response.
    member Failures: int

    /// The response of the machine's request.
    member Response: Response

    /// Reads a response. `previous` is the entry that it replaces; null if there is none.
    static member Read:
        reply: WellKnownReply * previous: (WellKnownEntry | null) * now: int64 * limits: WellKnownLimits ->
            WellKnownEntry

    /// The entry of a request without a readable response.
    static member Failed:
        fault: WellKnownFault * previous: (WellKnownEntry | null) * now: int64 * limits: WellKnownLimits ->
            WellKnownEntry
