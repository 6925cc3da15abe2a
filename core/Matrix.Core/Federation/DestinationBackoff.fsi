namespace Matrix.Core.Federation

/// The pauses between attempts to send to a server that does not answer, in milliseconds.
[<Sealed>]
type BackoffPauses =
    /// The pause after the first failure, the longest pause, the shortest one between two attempts for which the
    /// server's own requests are the reason, and the time of failures from which on they are an outage.
    new: first: int64 * longest: int64 * wake: int64 * outage: int64 -> BackoffPauses

    /// The same, for callers that do not ask for outages.
    new: first: int64 * longest: int64 * wake: int64 -> BackoffPauses

    /// A second, an hour, ten seconds, a minute.
    static member Default: BackoffPauses

/// When to send to another server again. Each failure doubles the pause, up to the longest. A request of the server
/// itself wakes it: that allows one attempt at once. Only a success ends the pauses. Immutable; times are in
/// milliseconds.
[<Sealed>]
type DestinationBackoff =
    /// A server whose last request succeeded, or that got none yet.
    static member Healthy: pauses: BackoffPauses -> DestinationBackoff

    /// The state of a server as it was stored during an outage. A clock that was set back does not lengthen a pause.
    static member Restore: pauses: BackoffPauses * failures: int * retryAt: int64 * now: int64 -> DestinationBackoff

    /// The failures since the last success, without those of attempts that the server's requests allowed.
    member Failures: int

    /// Whether the last request succeeded.
    member IsHealthy: bool

    /// Whether the failures are more than a short disturbance: several, and over a time. A server that restarts, or
    /// fails a few times within a moment, has no outage.
    member IsOutage: bool

    /// The length of the outage as a number, which changes a few times only: 0 if there is none.
    member Stage: int

    /// The time of the next attempt; 0 if there is nothing to wait for.
    member RetryAt: int64

    /// After a failure. A pause that the server asked for is kept if it is the longer one, up to the longest pause.
    member Failed: now: int64 * askedPause: int64 -> DestinationBackoff

    /// After an authenticated request of the server.
    member Woken: now: int64 -> DestinationBackoff

    /// After a success.
    member Succeeded: unit -> DestinationBackoff
