using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.ToDevice;

/// <summary>Messages to devices. Client-Server API, "Send-to-Device messaging".</summary>
public interface IToDeviceTable
{
    /// <summary>
    /// Messages to a device after one position and up to another, in order. All messages of the last position are
    /// returned, even beyond <paramref name="limit"/>, so that the next query can start after that position.
    /// </summary>
    ValueTask<IReadOnlyList<ToDeviceRow>> OfDeviceAsync(
        string userId, string deviceId, long after, long through, int limit, CancellationToken stop);

    /// <summary>
    /// Bytes that a sender has waiting in the inboxes of these users; inboxes without any are left out.
    /// </summary>
    ValueTask<IReadOnlyList<WaitingRow>> WaitingAsync(
        string sender, IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>The same for all users of another server together.</summary>
    ValueTask<IReadOnlyList<WaitingRow>> WaitingOfServerAsync(
        string serverName, IReadOnlyCollection<string> userIds, CancellationToken stop);

    /// <summary>The users with messages waiting, by id, a page at a time: those after this one.</summary>
    ValueTask<IReadOnlyList<string>> UsersAsync(string afterUser, int limit, CancellationToken stop);

    /// <summary>
    /// The number of messages stored once for all devices of a user. Each is kept until every device has fetched it.
    /// </summary>
    ValueTask<int> CountSharedAsync(CancellationToken stop);
}

/// <summary>Bytes that one sender has waiting for one device.</summary>
/// <param name="Bytes">Bytes of the messages, each with <see cref="ToDeviceSent.Overhead"/> more.</param>
public readonly record struct WaitingRow(string UserId, string DeviceId, long Bytes);

/// <summary>A message to a device.</summary>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
public readonly record struct ToDeviceRow(long Position, ReadOnlyMemory<byte> Json);

/// <summary>
/// Sends a message to a local device, or to all devices that the user has then, for which it is stored once. Skipped if
/// there is no such device.
/// </summary>
/// <param name="DeviceId">The device, or <see cref="AllDevices"/>.</param>
/// <param name="Json">The event as the device gets it: `sender`, `type`, `content`.</param>
public sealed record ToDeviceSent(string UserId, string DeviceId, ReadOnlyMemory<byte> Json) : Change
{
    /// <summary>The device id that stands for all devices of a user.</summary>
    public const string AllDevices = "*";

    /// <summary>Bytes added to a message's own when an inbox is measured.</summary>
    public const int Overhead = 512;

    /// <summary>
    /// Whose share of the inbox it counts to: a local user, or a <see cref="RemoteSender"/>; empty for none.
    /// </summary>
    public string Sender { get; init; } = "";

    /// <summary>The share of another server's user, which is a part of that server's share.</summary>
    public static string RemoteSender(string serverName, string userId) => $"{serverName} {userId}";

    internal override int Weight => 200 + Json.Length;
}

/// <summary>A device synced with a token of this position: the messages up to it have arrived.</summary>
public sealed record ToDeviceDelivered(string UserId, string DeviceId, long Through) : Change;
