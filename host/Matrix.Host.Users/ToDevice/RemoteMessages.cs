using System.Diagnostics.Metrics;
using System.Security.Cryptography;
using Matrix.Core.Event;
using Matrix.Core.Federation;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Users.ToDevice;

/// <summary>
/// Makes the EDUs with messages to devices of other servers' users. v1.19 server-server-api#send-to-device-messaging
/// </summary>
internal sealed class RemoteMessages(
    IMembershipsTable membershipsTable,
    OutboundMessagesTable outboundMessagesTable,
    ServerFilter servers,
    KeyOptions options,
    TimeProvider time)
{
    private static readonly Meter _meter = new("Matrix.Host.RemoteMessages");

    private static readonly Counter<long> _refused = _meter.CreateCounter<long>(
        "matrix_to_device_outbox_full",
        "{server}",
        "Servers for which messages to devices of a request were refused, by the limit: too much waits for the server, "
            + "or of the sender, or for too many servers.");

    private const int MessageIdLength = 22;
    private const long MaxInteger = (1L << 53) - 1;

    /// <summary>
    /// The changes that store the EDUs of a request, so that they are durable before the sender gets a response. There
    /// is one EDU for each server, more if it is large. Messages to servers that the configuration excludes are
    /// dropped, as if the recipients had no devices.
    /// </summary>
    /// <param name="sender">The sender.</param>
    /// <param name="type">The type of the messages.</param>
    /// <param name="messages">The messages, to users of other servers only; a device id may be `*`.</param>
    internal UserResult<IReadOnlyList<MessageEnqueued>> Pending(
        string sender, string type, IReadOnlyList<ToDeviceMessage> messages)
    {
        var pending = new List<MessageEnqueued>();
        var now = time.GetUtcNow().ToUnixTimeMilliseconds();
        foreach (var ofServer in messages.GroupBy(static message => UserId.Server(message.UserId)))
        {
            if (!servers.Allows(ofServer.Key)) continue;
            var contents = new SortedContents();
            foreach (var message in ofServer)
            {
                if (!IsCanonical(Json.Of(message.Content)))
                {
                    // The EDU is part of a request that is signed, and would be refused with all the rest of it.
                    return new UserFailure(
                        UserFailureKind.BadJson,
                        "Messages to users of other servers may have integers up to 2^53 - 1 only, and no floats.");
                }

                var bytes = CanonicalJson.Bytes(Json.Of(message.Content)).Length;
                if (bytes > options.MaxToDeviceBytes)
                {
                    return new UserFailure(
                        UserFailureKind.TooLarge, $"A message exceeds {options.MaxToDeviceBytes} bytes.");
                }

                if (contents.Bytes > 0 && contents.Bytes + bytes > options.MaxToDeviceBytes)
                {
                    pending.Add(Of(ofServer.Key));
                    contents = new SortedContents();
                }

                contents.Add(message, bytes);
            }

            pending.Add(Of(ofServer.Key));

            MessageEnqueued Of(string server) => new(server, sender, Edu(sender, type, contents)) { StoredAt = now };
        }

        return pending;
    }

    /// <summary>
    /// The messages that keep within the limits, and the failure of the others. A limit of one server refuses the
    /// messages for that server only. Concurrent requests are not counted, so they can exceed the limits by their own
    /// size.
    /// </summary>
    internal async ValueTask<(IReadOnlyList<MessageEnqueued> Allowed, UserFailure? Failure)> WithinLimitsAsync(
        string sender, IReadOnlyList<MessageEnqueued> pending, CancellationToken stop)
    {
        if (pending.Count == 0) return (pending, null);
        UserFailure? failure = null;
        var more = pending.GroupBy(static message => message.ServerName).ToDictionary(
            static each => each.Key,
            static each => each.Sum(static message => (long)message.Json.Length + MessageEnqueued.Overhead));
        foreach (var row in await outboundMessagesTable.BytesAsync([.. more.Keys], stop))
        {
            if (row.Bytes + more[row.ServerName] <= options.MaxPendingToDevice) continue;
            more.Remove(row.ServerName);
            Refuse("server", $"Too many messages wait for the server {row.ServerName}. It must take some first.");
        }

        foreach (var server in await TooManyAsync(sender, [.. more.Keys], stop))
        {
            more.Remove(server);
            Refuse("servers", "Your messages wait for too many servers with which you share no room.");
        }

        var ofSender = await outboundMessagesTable.BytesOfSenderAsync(sender, stop);
        if (more.Count > 0 && ofSender + more.Values.Sum() > options.MaxPendingToDeviceOfSender)
        {
            more.Clear();
            Refuse("sender", "Too many of your messages wait for other servers. They must take some first.");
        }

        return ([.. pending.Where(message => more.ContainsKey(message.ServerName))], failure);

        void Refuse(string limit, string reason)
        {
            _refused.Add(1, new KeyValuePair<string, object?>("limit", limit));
            failure ??= new UserFailure(UserFailureKind.InboxFull, reason);
        }
    }

    /// <summary>
    /// The servers beyond the number of those that a sender's messages wait for. Servers with which the sender shares a
    /// room do not count.
    /// </summary>
    private async ValueTask<IReadOnlyList<string>> TooManyAsync(
        string sender, string[] more, CancellationToken stop)
    {
        var most = options.MaxToDeviceServers;
        var waiting = await outboundMessagesTable.ServersOfSenderAsync(sender, most + 1, stop);
        if (waiting.Count + more.Length <= most) return [];
        var shared = await membershipsTable.ServersSharingWithAsync(sender, stop);
        waiting = await outboundMessagesTable.ServersOfSenderAsync(sender, most + shared.Count + 1, stop);
        var known = waiting.Where(server => !shared.ContainsKey(server)).ToHashSet(StringComparer.Ordinal);
        var added = more.Where(server => !shared.ContainsKey(server) && !known.Contains(server));
        return [.. added.Skip(Math.Max(0, most - known.Count))];
    }

    private static byte[] Edu(string sender, string type, SortedContents contents)
    {
        var id = RandomNumberGenerator.GetString(
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", MessageIdLength);
        return CanonicalJson.Bytes(Json.Of(JsonObject.OfSeq(
        [
            // v1.19 server-server-api#definition-mdirect_to_device
            ("edu_type", Json.Of(EventTypes.DirectToDevice)),
            ("content", Json.Of(JsonObject.OfSeq(
            [
                ("sender", Json.Of(sender)),
                ("type", Json.Of(type)),
                ("message_id", Json.Of(id)),
                ("messages", contents.Whole),
            ]))),
        ])));
    }

    private static bool IsCanonical(Json json) => json switch
    {
        Json.Int number => number.Item is >= -MaxInteger and <= MaxInteger,
        Json.Array array => Array.TrueForAll(array.Item, IsCanonical),
        Json.Object { Item: var members } =>
            Enumerable.Range(0, members.Count).All(at => IsCanonical(members.Value(at))),
        _ => !json.IsFloat && !json.IsBigInt,
    };

    /// <summary>The contents of an EDU by user and device.</summary>
    private sealed class SortedContents
    {
        private readonly Dictionary<string, Dictionary<string, JsonObject>> _users = new(StringComparer.Ordinal);

        internal long Bytes { get; private set; }

        internal Json Whole => Json.Of(JsonObject.OfSeq(_users.Select(static user => (
            user.Key,
            Json.Of(JsonObject.OfSeq(user.Value.Select(static device => (
                device.Key, Json.Of(device.Value)))))))));

        internal void Add(ToDeviceMessage message, int bytes)
        {
            if (!_users.TryGetValue(message.UserId, out var devices)) _users[message.UserId] = devices = [];
            devices[message.DeviceId] = message.Content;
            Bytes += bytes;
        }
    }
}
