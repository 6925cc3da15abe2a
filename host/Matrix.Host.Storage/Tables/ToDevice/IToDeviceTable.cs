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

    /// <summary>What a sender has waiting in the inboxes of these users; inboxes without any are left out.</summary>
    ValueTask<IReadOnlyList<WaitingRow>> WaitingAsync(string sender, IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>
    /// How many messages to all devices of a user are kept: as long as any of the devices has not fetched them.
    /// </summary>
    ValueTask<int> CountSharedAsync(CancellationToken stop);
}

/// <summary>What one sender has waiting for one device.</summary>
/// <param name="UserId">Whose device.</param>
/// <param name="DeviceId">The device.</param>
/// <param name="Bytes">Bytes of the messages, each with <see cref="SendToDevice.Overhead"/> more.</param>
public readonly record struct WaitingRow(string UserId, string DeviceId, long Bytes);

/// <summary>A message to a device.</summary>
/// <param name="Position">The position at which it was sent.</param>
/// <param name="Json">The event as its device gets it: `sender`, `type`, `content`.</param>
public readonly record struct ToDeviceRow(long Position, ReadOnlyMemory<byte> Json);
