namespace Matrix.Host.Users.Keys;

/// <summary>The limits of keys and of messages to devices.</summary>
public sealed record KeyOptions
{
    /// <summary>The most one-time keys of one algorithm that a device has.</summary>
    public int MaxOneTimeKeys { get; init; } = 1000;

    /// <summary>The most algorithms of one-time and fallback keys of a device.</summary>
    public int MaxKeyAlgorithms { get; init; } = 16;

    /// <summary>The most bytes of a key object, signatures included.</summary>
    public int MaxKeyBytes { get; init; } = 32 * 1024;

    /// <summary>The most users whose keys one request may query.</summary>
    public int MaxUsersPerQuery { get; init; } = 2500;

    /// <summary>The most keys that one request may claim.</summary>
    public int MaxClaims { get; init; } = 5000;

    /// <summary>The most bytes of a message to a device, in the form that the device gets.</summary>
    public int MaxToDeviceBytes { get; init; } = 64 * 1024;

    /// <summary>The most devices to which one request may send messages, wildcards resolved.</summary>
    public int MaxToDeviceMessages { get; init; } = 5000;

    /// <summary>
    /// The most bytes of one sender's messages that wait for one device. Each message counts <see
    /// cref="Matrix.Host.Storage.Tables.ToDevice.ToDeviceSent.Overhead"/> bytes more than it has.
    /// </summary>
    public long MaxToDeviceWaiting { get; init; } = 16L * 1024 * 1024;

    /// <summary>The same for the messages of all users of one other server together.</summary>
    public long MaxToDeviceWaitingOfServer { get; init; } = 64L * 1024 * 1024;

    /// <summary>The most bytes of messages that wait for one other server, overhead included.</summary>
    public long MaxToDeviceOwed { get; init; } = 256L * 1024 * 1024;

    /// <summary>The most bytes of one sender's messages that wait for other servers, overhead included.</summary>
    public long MaxToDeviceOwedOfSender { get; init; } = 64L * 1024 * 1024;

    /// <summary>The most ids of one other server's messages that are remembered.</summary>
    public int RememberedMessages { get; init; } = 1000;

    /// <summary>The most session keys that one request may put into a backup.</summary>
    public int MaxBackupKeys { get; init; } = 5000;
}
