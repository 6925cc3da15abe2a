namespace Matrix.Host.Outbound.Federation;

/// <summary>What waits to be sent to other servers.</summary>
/// <param name="Sending">Servers with a transaction in flight.</param>
/// <param name="Ready">Servers that wait for a turn.</param>
/// <param name="BackingOff">Servers that failed and wait for their next attempt.</param>
/// <param name="Batches">Batches of changes whose servers are not determined yet.</param>
public readonly record struct OutboundLoad(int Sending, int Ready, int BackingOff, int Batches);

/// <summary>Another server, as far as events are sent to it. Times are in milliseconds since the epoch.</summary>
/// <param name="Failures">The failures since the last success.</param>
/// <param name="RetryAt">When it is tried again; 0 if it answers.</param>
/// <param name="LastSuccess">The last success; 0 if there was none.</param>
/// <param name="Failure">Why the last attempt failed; "" if it succeeded.</param>
/// <param name="FailingSince">The first failure since the last success; null if it was before this server's start, or
/// if there was none.</param>
/// <param name="LastFailure">The last failure, with the same exceptions.</param>
public sealed record KnownServer(
    string ServerName,
    int Failures,
    long RetryAt,
    long LastSuccess,
    string Failure,
    long? FailingSince,
    long? LastFailure);
