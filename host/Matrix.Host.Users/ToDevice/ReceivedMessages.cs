using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Matrix.Core.Ident;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.ReceivedMessages;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.ToDevice;

/// <summary>Messages to devices that another server sent in one EDU.</summary>
/// <param name="Sender">The sender.</param>
/// <param name="Type">The type of the messages.</param>
/// <param name="MessageId">Identifies repeated EDUs.</param>
/// <param name="Messages">The messages.</param>
public sealed record ReceivedMessage(
    string Sender, string Type, string MessageId, IReadOnlyList<ToDeviceMessage> Messages);

/// <summary>
/// Delivers messages of other servers' users to local devices, each once.
/// v1.19 server-server-api#send-to-device-messaging
/// </summary>
public sealed class ReceivedMessages(
    IAccountsTable accountsTable,
    ToDeviceTable toDeviceTable,
    IStorageWriter writer,
    ShardGates gates,
    UsersOptions accounts,
    KeyOptions options)
{
    private const int LongestId = 255;

    /// <summary>The most servers whose untrimmed ids are counted.</summary>
    private const int MaxCounted = 10_000;

    private static readonly Meter _meter = new("Matrix.Host.ReceivedMessages");

    private static readonly Counter<long> _dropped = _meter.CreateCounter<long>(
        "matrix_to_device_dropped",
        "{message}",
        "Messages of other servers that were dropped because they are too large, or the sender's or the server's share "
            + "of an inbox is full.");

    /// <summary>How many ids came since a server's were trimmed, and the opening of its shard at that time.</summary>
    private readonly ConcurrentDictionary<string, (int Count, long Opening)> _untrimmed = new(StringComparer.Ordinal);

    /// <summary>
    /// Delivers messages in order, durably, unless their id came before. A device's inbox takes messages of a sender
    /// and of a server up to limits, and drops further ones.
    /// </summary>
    /// <returns>The number of EDUs of which nothing was delivered because the server may not send them.</returns>
    public async ValueTask<int> ReceiveAsync(
        string origin, IReadOnlyList<ReceivedMessage> received, CancellationToken stop)
    {
        using var visit = gates.Enter(Authority.Server(origin));
        var valid = received.Where(each => IsValid(origin, each)).ToArray();
        var users = valid.SelectMany(static each => each.Messages).Select(static message => message.UserId)
            .Where(IsLocal).ToHashSet(StringComparer.Ordinal);
        var waiting = await WaitingAsync(origin, [.. valid.Select(static each => each.Sender).Distinct()], users, stop);

        // Submitted one after the other without waiting: they are durable in this order, and together.
        var writes = new List<Task>(valid.Length);
        foreach (var each in valid)
        {
            var batch = await BatchAsync(origin, each, waiting, stop);
            writes.Add(writer.WriteAsync(batch, stop).AsTask());
        }

        if (valid.Length > 0 && IsTrimDue(origin, valid.Length, visit.Opening))
        {
            var trim = new WriteBatch(Authority.Server(origin), 1)
                .Add(new ReceivedMessagesTrimmed(origin, options.RememberedMessages));
            writes.Add(writer.WriteAsync(trim, stop).AsTask());
        }

        await Task.WhenAll(writes);
        return received.Count - valid.Length;
    }

    /// <summary>
    /// The bytes that wait in the inboxes of these users: of the server, and of each of these senders.
    /// </summary>
    private async ValueTask<Dictionary<Share, long>> WaitingAsync(
        string origin, IReadOnlyList<string> senders, HashSet<string> users, CancellationToken stop)
    {
        var waiting = new Dictionary<Share, long>();
        if (users.Count == 0) return waiting;
        foreach (var row in await toDeviceTable.WaitingOfServerAsync(origin, users, stop))
        {
            waiting[new Share(row.UserId, row.DeviceId, origin)] = row.Bytes;
        }

        if (waiting.Count == 0) return waiting;
        foreach (var sender in senders)
        {
            var share = ToDeviceSent.RemoteSender(origin, sender);
            foreach (var row in await toDeviceTable.WaitingAsync(share, users, stop))
            {
                waiting[new Share(row.UserId, row.DeviceId, share)] = row.Bytes;
            }
        }

        return waiting;
    }

    private async ValueTask<WriteBatch> BatchAsync(
        string origin, ReceivedMessage received, Dictionary<Share, long> waiting, CancellationToken stop)
    {
        var sender = ToDeviceSent.RemoteSender(origin, received.Sender);
        var batch = new WriteBatch(Authority.Server(origin), received.Messages.Count)
            .Require(new MessageReceived(origin, received.MessageId));
        var devices = 0;
        foreach (var message in received.Messages)
        {
            if (!IsLocal(message.UserId)) continue;
            var json = ToDeviceSender.Event(received.Sender, received.Type, message.Content);
            string[] inboxes = message.DeviceId != ToDeviceMessage.AllDevices
                ? [message.DeviceId]
                : [.. (await accountsTable.DevicesAsync(message.UserId, stop))
                    .Select(static device => device.DeviceId)];
            devices += inboxes.Length;
            if (json.Length > options.MaxToDeviceBytes || devices > options.MaxToDeviceMessages)
            {
                _dropped.Add(1);
                continue;
            }

            var bytes = json.Length + ToDeviceSent.Overhead;
            var open = inboxes.Where(device => TryFill(
                waiting,
                new Share(message.UserId, device, origin),
                new Share(message.UserId, device, sender),
                bytes)).ToArray();
            if (open.Length < inboxes.Length) _dropped.Add(inboxes.Length - open.Length);

            // A message to all devices is stored once. It is not if some of their inboxes are full.
            string[] targets = message.DeviceId == ToDeviceMessage.AllDevices && open.Length == inboxes.Length
                ? [ToDeviceMessage.AllDevices]
                : open;
            foreach (var device in targets)
            {
                batch.Add(new ToDeviceSent(message.UserId, device, json) { Sender = sender });
            }
        }

        return batch;
    }

    private bool TryFill(Dictionary<Share, long> waiting, Share ofServer, Share ofSender, long bytes)
    {
        var filled = waiting.GetValueOrDefault(ofServer) + bytes;
        var filledBySender = waiting.GetValueOrDefault(ofSender) + bytes;
        if (filled > options.MaxToDeviceWaitingOfServer || filledBySender > options.MaxToDeviceWaiting) return false;
        waiting[ofServer] = filled;
        waiting[ofSender] = filledBySender;
        return true;
    }

    /// <summary>The part of a device's inbox that messages of a server, or of one of its users, take.</summary>
    private readonly record struct Share(string UserId, string DeviceId, string Of);

    private bool IsLocal(string userId) => UserId.IsValid(userId) && UserId.Server(userId) == accounts.ServerName;

    private static bool IsValid(string origin, ReceivedMessage received) =>
        UserId.IsValid(received.Sender)
        && UserId.Server(received.Sender) == origin
        && received.MessageId.Length is > 0 and <= LongestId;

    /// <summary>
    /// Whether a server's ids are to be trimmed: with the first after its shard was opened, and then each time that a
    /// tenth of the bound has come.
    /// </summary>
    private bool IsTrimDue(string origin, int more, long opening)
    {
        if (_untrimmed.Count > MaxCounted) _untrimmed.Clear();
        var isKnown = _untrimmed.TryGetValue(origin, out var before) && before.Opening == opening;
        var isDue = !isKnown || before.Count + more >= options.RememberedMessages / 10;
        _untrimmed[origin] = (isDue ? 0 : before.Count + more, opening);
        return isDue;
    }
}
