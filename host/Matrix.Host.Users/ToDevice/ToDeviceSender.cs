using System.Diagnostics.Metrics;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.ToDevice;

/// <summary>A message to a device.</summary>
/// <param name="UserId">To whom.</param>
/// <param name="DeviceId">To which device; `*` for all that they have.</param>
/// <param name="Content">The content.</param>
public sealed record ToDeviceMessage(string UserId, string DeviceId, JsonObject Content)
{
    /// <summary>All devices of a user.</summary>
    public const string AllDevices = ToDeviceSent.AllDevices;
}

/// <summary>Sends messages to devices. Client-Server API, "Send-to-Device messaging".</summary>
public sealed class ToDeviceSender(
    IStorage storage, ISentOnce requests, string serverName, IToDeviceOutbox outbox, KeyOptions options)
{
    private static readonly Meter _meter = new("Matrix.Host.ToDevice");

    private static readonly Counter<long> _refused = _meter.CreateCounter<long>(
        "matrix_to_device_refused",
        "{request}",
        "Requests to send messages to devices that were refused because the sender's share of an inbox is full.");

    /// <summary>
    /// Sends, all at once and durably, or not at all. A transaction that was sent before is not sent again, and is no failure.
    /// </summary>
    /// <param name="sender">Who sends.</param>
    /// <param name="transaction">What makes it the same as another request.</param>
    /// <param name="type">The type of the messages.</param>
    /// <param name="messages">The messages.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Why nothing was sent; null if all was.</returns>
    public async ValueTask<UserFailure?> SendAsync(
        string sender, TransactionKey transaction, string type, IReadOnlyList<ToDeviceMessage> messages, CancellationToken stop)
    {
        var batch = new WriteBatch(messages.Count + 1);
        var sending = new Inboxes();
        List<ToDeviceMessage>? remote = null;
        var sent = 0;
        foreach (var message in messages)
        {
            if (UserId.server(message.UserId) != serverName)
            {
                (remote ??= []).Add(message);
                continue;
            }

            var json = Event(sender, type, message.Content);
            if (json.Length > options.MaxToDeviceBytes)
            {
                return new UserFailure(UserFailureKind.TooLarge, $"A message exceeds {options.MaxToDeviceBytes} bytes.");
            }

            sent += await CountAsync(message, stop).ConfigureAwait(false);
            if (sent > options.MaxToDeviceMessages)
            {
                return new UserFailure(UserFailureKind.TooLarge, $"More than {options.MaxToDeviceMessages} devices in one request.");
            }

            sending.Add(new UserDevice(message.UserId, message.DeviceId), json.Length + ToDeviceSent.Overhead);
            batch.Add(new ToDeviceSent(message.UserId, message.DeviceId, json) { Sender = sender });
        }

        if (remote is not null) outbox.Add(batch, sender, type, remote);
        return await requests.OnceAsync(
            transaction,
            async done =>
            {
                if (await IsFullAsync(sender, sending, stop).ConfigureAwait(false) is { } full)
                {
                    _refused.Add(1);
                    return full;
                }

                await storage.Writer.WriteAsync(batch.Add(done), stop).ConfigureAwait(false);
                return null;
            },
            stop).ConfigureAwait(false);
    }

    private async ValueTask<int> CountAsync(ToDeviceMessage message, CancellationToken stop) =>
        message.DeviceId == ToDeviceMessage.AllDevices
            ? (await storage.Accounts.DevicesAsync(message.UserId, stop).ConfigureAwait(false)).Count
            : 1;

    /// <summary>
    /// A failure if an inbox would hold more of the sender than their share. What the sender's other requests write
    /// meanwhile is not looked at: they can go beyond it by as much as they have under way.
    /// </summary>
    private async ValueTask<UserFailure?> IsFullAsync(string sender, Inboxes sending, CancellationToken stop)
    {
        if (sending.Users.Count == 0) return null;
        foreach (var inbox in await storage.ToDevice.WaitingAsync(sender, sending.Users, stop).ConfigureAwait(false))
        {
            var more = sending.Bytes(new UserDevice(inbox.UserId, inbox.DeviceId));
            if (more == 0 || inbox.Bytes + more <= options.MaxToDeviceWaiting) continue;
            return new UserFailure(
                UserFailureKind.InboxFull,
                $"A device of {inbox.UserId} has too many of your messages waiting. It must fetch some first.");
        }

        return null;
    }

    /// <summary>What a request sends to whom.</summary>
    private sealed class Inboxes
    {
        private readonly Dictionary<UserDevice, long> _bytes = [];
        private readonly HashSet<string> _users = new(StringComparer.Ordinal);

        internal HashSet<string> Users => _users;

        internal void Add(UserDevice device, long bytes)
        {
            _users.Add(device.UserId);
            _bytes[device] = _bytes.GetValueOrDefault(device) + bytes;
        }

        internal long Bytes(UserDevice device) =>
            _bytes.GetValueOrDefault(device) + _bytes.GetValueOrDefault(device with { DeviceId = ToDeviceMessage.AllDevices });
    }

    private static byte[] Event(string sender, string type, JsonObject content) => CanonicalJson.bytes(Json.NewObject(JsonObject.OfSeq(
    [
        ("content", Json.NewObject(content)),
        ("sender", Json.NewString(sender)),
        ("type", Json.NewString(type)),
    ])));
}
