using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>What a device asks of sync. Client-Server API, "Syncing".</summary>
public sealed record SyncRequest
{
    /// <summary>Who asks.</summary>
    public required UserDevice Reader { get; init; }

    /// <summary>Where the device stands; null for an initial sync.</summary>
    public SyncToken? Since { get; init; }

    /// <summary>The filter; the empty one lets everything through.</summary>
    public SyncFilter Filter { get; init; } = SyncFilter.Everything;

    /// <summary>All state of all rooms, whatever changed, at once.</summary>
    public bool FullState { get; init; }

    /// <summary>State as it is behind the timeline, in `state_after`, instead of before it, in `state`.</summary>
    public bool UseStateAfter { get; init; }

    /// <summary>How long to wait for news.</summary>
    public TimeSpan Timeout { get; init; }
}
