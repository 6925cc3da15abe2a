using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>A sync request of a device. Client-Server API, "Syncing".</summary>
public sealed record SyncRequest
{
    /// <summary>The user and device.</summary>
    public required UserDevice Reader { get; init; }

    /// <summary>The client's token; null for an initial sync.</summary>
    public SyncToken? Since { get; init; }

    /// <summary>The filter; the empty one admits everything.</summary>
    public SyncFilter Filter { get; init; } = SyncFilter.Everything;

    /// <summary>Returns all state of all rooms at once, changed or not.</summary>
    public bool FullState { get; init; }

    /// <summary>
    /// Returns the state after the timeline, in `state_after`, instead of the state before it, in `state`.
    /// </summary>
    public bool UseStateAfter { get; init; }

    /// <summary>The longest wait for news.</summary>
    public TimeSpan Timeout { get; init; }
}
