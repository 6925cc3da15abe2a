using System.Text.Json;
using Matrix.Core.Json;
using Matrix.Core.Sync;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage;
using Matrix.Host.Streams;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Sync.V3;

/// <summary>One look at what is new for a device, from its token up to the position at which the look began.</summary>
internal sealed class SyncPass
{
    /// <summary>What was asked.</summary>
    public required SyncRequest Request { get; init; }

    /// <summary>The token to start from; null for an initial sync.</summary>
    public required SyncToken? Since { get; init; }

    /// <summary>Up to this position, and nothing behind it.</summary>
    public required long UpTo { get; init; }

    /// <summary>The last flush that changed anyone's device list.</summary>
    public required long LastDeviceLists { get; init; }

    /// <summary>The bounds.</summary>
    public required SyncOptions Options { get; init; }

    /// <summary>The time for looking for events that pass the filter, of all rooms together.</summary>
    public required ScanBudget Scan { get; init; }

    /// <summary>The user's part of the notifier; null if there was no room on it.</summary>
    public required UserStream? Stream { get; init; }

    /// <summary>The device's part.</summary>
    public required DeviceStream Device { get; init; }

    /// <summary>Whom the user ignores.</summary>
    public required IReadOnlySet<string> Ignored { get; init; }

    /// <summary>Writes the answer.</summary>
    public required Utf8JsonWriter Json { get; init; }

    /// <summary>For one event at a time, before it is written to the answer.</summary>
    public required ByteBuffer Scratch { get; init; }

    /// <summary>Member events that this answer holds and the device is to be known to have, for rooms whose members load lazily.</summary>
    public List<KeyValuePair<(RoomNid Room, string UserId), EventNid>> LazilySent { get; } = [];

    /// <summary>Users who now share an encrypted room with the user, and may not have before.</summary>
    public HashSet<string> DevicesChanged { get; } = [];

    /// <summary>Users who may share no room with the user any more.</summary>
    public HashSet<string> DevicesLeft { get; } = [];

    /// <summary>Whether anything was written that a client waits for.</summary>
    public bool HasNews { get; set; }

    public UserDevice Reader => Request.Reader;

    public SyncFilter Filter => Request.Filter;

    public bool IsInitial => Since is null;

    public long SincePosition => Since?.Position ?? 0;
}
