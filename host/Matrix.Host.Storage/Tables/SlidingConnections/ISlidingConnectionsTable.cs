using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.SlidingConnections;

/// <summary>
/// Connections of sliding sync that are not in memory. MSC4186, "Connections". A row takes some 40 bytes for each room
/// that the connection was sent. The number of rows of a device is bounded, and old ones are deleted.
/// </summary>
public interface ISlidingConnectionsTable
{
    /// <summary>The connection as it was last saved; null if it was not, or before this time.</summary>
    ValueTask<ReadOnlyMemory<byte>?> FindAsync(
        UserDevice device, string connectionId, long savedSince, CancellationToken stop);
}

/// <summary>A connection is saved. Of a device's connections the ones used last are kept.</summary>
/// <param name="UsedAt">When it was last used; milliseconds since the epoch.</param>
/// <param name="State">The connection; only its owner knows the form.</param>
/// <param name="Most">The most connections of the device that are kept.</param>
public sealed record SlidingConnectionSaved(
    UserDevice Device, string ConnectionId, long UsedAt, ReadOnlyMemory<byte> State, int Most) : Change
{
    internal override int Weight => 300 + State.Length;
}

/// <summary>Connections that were last used before this time are deleted.</summary>
public sealed record SlidingConnectionsExpired(long Before) : Change;
