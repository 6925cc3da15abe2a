using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Keys;
using Matrix.Host.Streams.Notifying;

namespace Matrix.Host.Streams.Streams.DeviceLists;

/// <summary>Reads the counts of a device's keys.</summary>
internal sealed class KeyCountReader(KeysTable keysTable)
{
    /// <summary>The counts: those of the device's stream, or else those that are stored now.</summary>
    /// <param name="asOf">A position that the stored ones include.</param>
    public ValueTask<KeyCounts> OfAsync(UserDevice reader, DeviceStream device, long asOf, CancellationToken stop) =>
        device.KeyCounts is { } known ? ValueTask.FromResult(known) : StoredAsync(reader, device, asOf, stop);

    private async ValueTask<KeyCounts> StoredAsync(
        UserDevice reader, DeviceStream device, long asOf, CancellationToken stop)
    {
        var counts = await keysTable.CountsAsync(reader.UserId, reader.DeviceId, stop);
        device.Remember(counts, asOf);
        return counts;
    }
}
