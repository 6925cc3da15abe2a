namespace Matrix.Host.Storage.Tables.ToDevice;

/// <summary>Messages to devices. Client-Server API, "Send-to-Device messaging".</summary>
public interface IToDeviceTable
{
    /// <summary>
    /// Messages to a device after one position and up to another, in order. More than <paramref name="limit"/> only to end with the last message
    /// of a position, so that the position of the last one is where the next question starts.
    /// </summary>
    ValueTask<IReadOnlyList<ToDeviceRow>> OfDeviceAsync(
        string userId, string deviceId, long after, long through, int limit, CancellationToken stop);
}

/// <summary>A message to a device.</summary>
/// <param name="Position">The position at which it was sent.</param>
/// <param name="Json">The event as its device gets it: `sender`, `type`, `content`.</param>
public readonly record struct ToDeviceRow(long Position, ReadOnlyMemory<byte> Json);
