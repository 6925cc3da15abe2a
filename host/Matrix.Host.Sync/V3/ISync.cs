using Matrix.Host.Rooms.Reading;

namespace Matrix.Host.Sync.V3;

/// <summary>Sync. v1.19 client-server-api#syncing</summary>
public interface ISync
{
    /// <summary>
    /// Writes the news for a device, at once or as soon as there is some, or an empty response after the timeout. If no
    /// memory for it is free in time, an incremental sync gets an empty response with its own token.
    /// </summary>
    ValueTask<SyncOutcome> SyncAsync(SyncRequest request, ResponseWriter response, CancellationToken stop);
}

/// <summary>The outcome of a sync.</summary>
public enum SyncOutcome
{
    /// <summary>The response is written.</summary>
    Written,

    /// <summary>The token is not this server's.</summary>
    UnknownToken,

    /// <summary>No memory for a whole response was free in time. Nothing is written.</summary>
    Busy,
}
