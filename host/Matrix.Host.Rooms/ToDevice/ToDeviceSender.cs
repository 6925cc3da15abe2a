using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Rooms.Keys;
using Matrix.Host.Rooms.Transactions;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.ToDevice;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Storage.Writing;

namespace Matrix.Host.Rooms.ToDevice;

/// <summary>A message to a device.</summary>
/// <param name="UserId">To whom.</param>
/// <param name="DeviceId">To which device; `*` for all that they have.</param>
/// <param name="Content">The content.</param>
public sealed record ToDeviceMessage(string UserId, string DeviceId, JsonObject Content)
{
    /// <summary>All devices of a user.</summary>
    public const string AllDevices = "*";
}

/// <summary>Sends messages to devices. Client-Server API, "Send-to-Device messaging".</summary>
public sealed class ToDeviceSender(
    IStorage storage, TransactionLog transactions, string serverName, IToDeviceOutbox outbox, KeyOptions options)
{
    /// <summary>
    /// Sends, all at once and durably, or not at all. A transaction that was sent before is not sent again, and is no failure.
    /// </summary>
    /// <param name="sender">Who sends.</param>
    /// <param name="transaction">What makes it the same as another request.</param>
    /// <param name="type">The type of the messages.</param>
    /// <param name="messages">The messages.</param>
    /// <param name="stop">Gives up.</param>
    /// <returns>Why nothing was sent; null if all was.</returns>
    public async ValueTask<RoomFailure?> SendAsync(
        string sender, TransactionKey transaction, string type, IReadOnlyList<ToDeviceMessage> messages, CancellationToken stop)
    {
        var set = new WriteSet(messages.Count + 1);
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
                return new RoomFailure(RoomFailureKind.TooLarge, $"A message exceeds {options.MaxToDeviceBytes} bytes.");
            }

            foreach (var device in await DevicesAsync(message, stop).ConfigureAwait(false))
            {
                if (++sent > options.MaxToDeviceMessages)
                {
                    return new RoomFailure(RoomFailureKind.TooLarge, $"More than {options.MaxToDeviceMessages} devices in one request.");
                }

                set.Add(new SendToDevice(message.UserId, device, json));
            }
        }

        if (remote is not null) outbox.Add(set, sender, type, remote);
        await transactions.OnceAsync(
            transaction,
            async mine =>
            {
                await storage.Writer.WriteAsync(set.Add(mine.Record(EventNid.None)), stop).ConfigureAwait(false);
                return "";
            },
            stop).ConfigureAwait(false);
        return null;
    }

    private async ValueTask<IEnumerable<string>> DevicesAsync(ToDeviceMessage message, CancellationToken stop) =>
        message.DeviceId == ToDeviceMessage.AllDevices
            ? (await storage.Accounts.DevicesAsync(message.UserId, stop).ConfigureAwait(false)).Select(device => device.DeviceId)
            : [message.DeviceId];

    private static byte[] Event(string sender, string type, JsonObject content) => CanonicalJson.bytes(Json.NewObject(JsonObject.OfSeq(
    [
        ("content", Json.NewObject(content)),
        ("sender", Json.NewString(sender)),
        ("type", Json.NewString(type)),
    ])));
}
