using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Users.ToDevice;

namespace Matrix.Host.Api.Federation.Transactions.Edus;

/// <summary>`m.direct_to_device`. v1.19 server-server-api#send-to-device-messaging</summary>
internal sealed class DirectToDeviceEdu(ReceivedMessages messages) : IEduHandler
{
    // v1.19 server-server-api#definition-mdirect_to_device
    public string Type => EventTypes.DirectToDevice;

    public async ValueTask<int> ReceiveAsync(
        string origin, IReadOnlyList<JsonObject> contents, CancellationToken stop)
    {
        ReceivedMessage[] read = [.. contents.Select(Read).OfType<ReceivedMessage>()];
        var ignored = await messages.ReceiveAsync(origin, read, stop);
        return contents.Count - read.Length + ignored;
    }

    private static ReceivedMessage? Read(JsonObject content)
    {
        if (content.Text("sender") is not { } sender
            || content.Text("type") is not { } type
            || content.Text("message_id") is not { } id
            || content.IndexOf("messages") is not (>= 0 and var at)
            || content.Value(at) is not Json.Object { Item: var users })
        {
            return null;
        }

        var messages = new List<ToDeviceMessage>();
        foreach (var (userId, ofUser) in users.Members)
        {
            if (ofUser is not Json.Object { Item: var devices }) continue;
            foreach (var (deviceId, message) in devices.Members)
            {
                if (message is Json.Object whole) messages.Add(new ToDeviceMessage(userId, deviceId, whole.Item));
            }
        }

        return new ReceivedMessage(sender, type, id, messages);
    }
}
