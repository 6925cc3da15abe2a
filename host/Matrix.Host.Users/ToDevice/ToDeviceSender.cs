using System.Diagnostics.Metrics;
using Matrix.Core.Federation;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.ToDevice;

/// <summary>A message to a device.</summary>
/// <param name="UserId">The recipient.</param>
/// <param name="DeviceId">The device; `*` for all devices of the recipient.</param>
/// <param name="Content">The content.</param>
public sealed record ToDeviceMessage(string UserId, string DeviceId, JsonObject Content)
{
    /// <summary>All devices of a user.</summary>
    public const string AllDevices = ToDeviceSent.AllDevices;
}

/// <summary>Sends messages to devices. v1.19 client-server-api#send-to-device-messaging</summary>
public sealed class ToDeviceSender(
    IMembershipsTable membershipsTable,
    IAccountsTable accountsTable,
    ToDeviceTable toDeviceTable,
    OutboundMessagesTable outboundMessagesTable,
    IStorageWriter writer,
    ISentOnce requests,
    UsersOptions accounts,
    ServerFilter servers,
    KeyOptions options,
    TimeProvider time)
{
    private static readonly Meter _meter = new("Matrix.Host.ToDevice");

    private static readonly Counter<long> _refused = _meter.CreateCounter<long>(
        "matrix_to_device_refused",
        "{request}",
        "Requests to send messages to devices that were refused because the sender's share of an inbox is full.");

    private readonly RemoteMessages _remote = new(
        membershipsTable, outboundMessagesTable, servers, options, time);

    /// <summary>
    /// Sends all messages durably, or none. A transaction that was sent before is not sent again and succeeds. Messages
    /// for other servers that exceed a limit are dropped and counted, unless no others are left.
    /// </summary>
    /// <param name="sender">The sender.</param>
    /// <param name="transaction">Identifies repeated requests.</param>
    /// <param name="type">The type of the messages.</param>
    /// <param name="messages">The messages.</param>
    /// <returns>Null if the messages were sent.</returns>
    public async ValueTask<UserFailure?> SendAsync(
        string sender,
        TransactionKey transaction,
        string type,
        IReadOnlyList<ToDeviceMessage> messages,
        CancellationToken stop)
    {
        var batch = new WriteBatch(Authority.User(sender), messages.Count + 1);
        var sending = new Inboxes();
        List<ToDeviceMessage>? remote = null;
        var sent = 0;
        foreach (var message in messages)
        {
            if (UserId.Server(message.UserId) != accounts.ServerName)
            {
                (remote ??= []).Add(message);
                continue;
            }

            var json = Event(sender, type, message.Content);
            if (json.Length > options.MaxToDeviceBytes)
            {
                return new UserFailure(
                    UserFailureKind.TooLarge, $"A message exceeds {options.MaxToDeviceBytes} bytes.");
            }

            sent += await CountAsync(message, stop);
            if (sent > options.MaxToDeviceMessages) return TooMany();

            sending.Add(new UserDevice(message.UserId, message.DeviceId), json.Length + ToDeviceSent.Overhead);
            batch.Add(new ToDeviceSent(message.UserId, message.DeviceId, json) { Sender = sender });
        }

        IReadOnlyList<MessageEnqueued> pending = [];
        if (remote is not null)
        {
            if (sent + remote.Count > options.MaxToDeviceMessages) return TooMany();
            var made = _remote.Pending(sender, type, remote);
            if (!made.IsOk) return made.Failure;
            pending = made.Value;
        }

        return await requests.OnceAsync(
            transaction, done => WriteAsync(sender, sending, batch, pending, done, stop), stop);
    }

    /// <summary>
    /// Writes the messages, if the inboxes have space for them, and the record that the request was carried out.
    /// </summary>
    private async ValueTask<UserFailure?> WriteAsync(
        string sender,
        Inboxes sending,
        WriteBatch batch,
        IReadOnlyList<MessageEnqueued> pending,
        TransactionRecorded done,
        CancellationToken stop)
    {
        if (await IsFullAsync(sender, sending, stop) is { } full)
        {
            _refused.Add(1);
            return full;
        }

        var (allowed, failure) = await _remote.WithinLimitsAsync(sender, pending, stop);
        foreach (var message in allowed) batch.Add(message);
        if (failure is not null && batch.Changes.Count == 0) return failure;
        await writer.WriteAsync(batch.Add(done), stop);
        return null;
    }

    private UserFailure TooMany() => new(
        UserFailureKind.TooLarge, $"More than {options.MaxToDeviceMessages} devices in one request.");

    private async ValueTask<int> CountAsync(ToDeviceMessage message, CancellationToken stop) =>
        message.DeviceId == ToDeviceMessage.AllDevices
            ? (await accountsTable.DevicesAsync(message.UserId, stop)).Count
            : 1;

    /// <summary>
    /// The failure if an inbox would hold more bytes of the sender than allowed. Concurrent requests of the sender are
    /// not counted, so they can exceed the limit by their own size.
    /// </summary>
    private async ValueTask<UserFailure?> IsFullAsync(string sender, Inboxes sending, CancellationToken stop)
    {
        if (sending.Users.Count == 0) return null;
        foreach (var inbox in await toDeviceTable.WaitingAsync(sender, sending.Users, stop))
        {
            var more = sending.Bytes(new UserDevice(inbox.UserId, inbox.DeviceId));
            if (more == 0 || inbox.Bytes + more <= options.MaxToDeviceWaiting) continue;
            return new UserFailure(
                UserFailureKind.InboxFull,
                $"A device of {inbox.UserId} has too many of your messages waiting. It must fetch some first.");
        }

        return null;
    }

    /// <summary>The bytes of a request for each inbox.</summary>
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
            _bytes.GetValueOrDefault(device)
            + _bytes.GetValueOrDefault(device with { DeviceId = ToDeviceMessage.AllDevices });
    }

    /// <summary>A message as the device gets it.</summary>
    internal static byte[] Event(string sender, string type, JsonObject content) =>
        CanonicalJson.Bytes(Json.Of(JsonObject.OfSeq(
    [
        ("content", Json.Of(content)),
        ("sender", Json.Of(sender)),
        ("type", Json.Of(type)),
    ])));
}

/// <summary>
/// Executes a request once, even if it is repeated. v1.19 client-server-api#transaction-identifiers. Requests of rooms
/// and of users share one log, so the host implements this.
/// </summary>
public interface ISentOnce
{
    /// <summary>
    /// Executes a request, unless it was executed before. A repetition of a running request gets its result.
    /// </summary>
    /// <param name="transaction">Identifies repeated requests.</param>
    /// <param name="act">Executes the request, and writes the record in the same batch.</param>
    /// <param name="stop">Cancels waiting, not a running request.</param>
    /// <returns>Null if it was executed, now or before.</returns>
    ValueTask<UserFailure?> OnceAsync(
        TransactionKey transaction, Func<TransactionRecorded, ValueTask<UserFailure?>> act, CancellationToken stop);
}
