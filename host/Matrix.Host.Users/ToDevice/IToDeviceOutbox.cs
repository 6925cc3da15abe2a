using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Users.ToDevice;

/// <summary>
/// Takes messages to devices of other servers' users. Server-Server API, "Send-to-device messaging".
/// </summary>
public interface IToDeviceOutbox
{
    /// <summary>
    /// Adds the messages of one request to its batch, so that they are durable before the sender gets a response.
    /// </summary>
    /// <param name="batch">The batch of the request.</param>
    /// <param name="sender">The sender.</param>
    /// <param name="type">The type of the messages.</param>
    /// <param name="messages">The messages, to users of other servers only; a device id may be `*`.</param>
    void Add(WriteBatch batch, string sender, string type, IReadOnlyList<ToDeviceMessage> messages);
}

/// <summary>
/// Drops all messages, as if the recipients had no devices: this server does not federate.
/// </summary>
public sealed class NoOtherServers : IToDeviceOutbox
{
    /// <inheritdoc/>
    public void Add(WriteBatch batch, string sender, string type, IReadOnlyList<ToDeviceMessage> messages)
    {
    }
}
