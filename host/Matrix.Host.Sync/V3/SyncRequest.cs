using Matrix.Core.Sync;
using Matrix.Host.Storage;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>A sync request of a device. v1.19 client-server-api#syncing</summary>
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

    /// <summary>Which state comes beside the timelines.</summary>
    public StateForm State { get; init; }

    /// <summary>Whether the state after the timelines comes, rather than the one before them.</summary>
    public bool UsesStateAfter => State != StateForm.Before;

    /// <summary>The longest wait for news.</summary>
    public TimeSpan Timeout { get; init; }
}

/// <summary>The state that comes beside a timeline.</summary>
public enum StateForm
{
    /// <summary>The state before the timeline, in `state`.</summary>
    Before,

    /// <summary>The state after the timeline, in `state_after`.</summary>
    After,

    /// <summary>
    /// The same in `org.matrix.msc4222.state_after`: clients that ask by MSC4222's name read only that.
    /// </summary>
    UnstableAfter,
}
