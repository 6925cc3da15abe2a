using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Users.ToDevice;

/// <summary>Where messages to devices of other servers' users go. Server-Server API, "Send-to-device messaging".</summary>
public interface IToDeviceOutbox
{
    /// <summary>
    /// Adds to the batch what makes the messages of one request durable, so that they are owed to their servers from the moment at which the sender
    /// is answered.
    /// </summary>
    /// <param name="batch">What the request writes.</param>
    /// <param name="sender">Who sends.</param>
    /// <param name="type">The type of the messages.</param>
    /// <param name="messages">The messages, to users of other servers only; a device id may be `*`.</param>
    void Add(WriteBatch batch, string sender, string type, IReadOnlyList<ToDeviceMessage> messages);
}

/// <summary>A server that talks to no other: what it has for their users has no way to go, and is dropped as if they had no devices.</summary>
public sealed class NoOtherServers : IToDeviceOutbox
{
    /// <inheritdoc/>
    public void Add(WriteBatch batch, string sender, string type, IReadOnlyList<ToDeviceMessage> messages)
    {
    }
}
