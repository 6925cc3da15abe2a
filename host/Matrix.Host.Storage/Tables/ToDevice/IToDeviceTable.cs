using Matrix.Host.Storage.Commits;

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
/// <param name="Bytes">Bytes of the messages, each with <see cref="ToDeviceSent.Overhead"/> more.</param>
public readonly record struct WaitingRow(string UserId, string DeviceId, long Bytes);

/// <summary>A message to a device.</summary>
/// <param name="Position">The position at which it was sent.</param>
/// <param name="Json">The event as its device gets it: `sender`, `type`, `content`.</param>
public readonly record struct ToDeviceRow(long Position, ReadOnlyMemory<byte> Json);

/// <summary>
/// A message is sent to a local device, or to all that the user has by then, for which it is kept once. Dropped
/// silently if there is no such device.
/// </summary>
/// <param name="UserId">To whom.</param>
/// <param name="DeviceId">To which device, or <see cref="AllDevices"/>.</param>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
public sealed record ToDeviceSent(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : Change
{
    /// <summary>The device id that stands for all devices of a user.</summary>
    public const string AllDevices = "*";

    /// <summary>Bytes that a message counts for in an inbox beside its own.</summary>
    public const int Overhead = 512;

    /// <summary>Whose share of the inbox it counts to; empty for nobody's.</summary>
    public string Sender { get; init; } = "";

    internal override int Weight => 200 + Json.Length;
}

/// <summary>A device came back with a token of that position: the messages up to it have arrived.</summary>
public sealed record ToDeviceDelivered(string UserId, string DeviceId, long Through) : Change;
