namespace Matrix.Host.Users.Keys;

/// <summary>Bounds of keys and of messages to devices.</summary>
public sealed record KeyOptions
{
    /// <summary>How many one-time keys of one algorithm a device may have waiting.</summary>
    public int MaxOneTimeKeys { get; init; } = 1000;

    /// <summary>Of how many algorithms a device may have one-time and fallback keys.</summary>
    public int MaxKeyAlgorithms { get; init; } = 16;

    /// <summary>Bytes of one key object, signatures included.</summary>
    public int MaxKeyBytes { get; init; } = 32 * 1024;

    /// <summary>How many users one request may ask the keys of.</summary>
    public int MaxUsersPerQuery { get; init; } = 2500;

    /// <summary>How many keys one request may claim.</summary>
    public int MaxClaims { get; init; } = 5000;

    /// <summary>Bytes of one message to a device, as the device gets it.</summary>
    public int MaxToDeviceBytes { get; init; } = 64 * 1024;

    /// <summary>How many devices one request may send messages to, wildcards resolved.</summary>
    public int MaxToDeviceMessages { get; init; } = 5000;

    /// <summary>
    /// Bytes of one sender's messages that may wait for one device: each counts <see
    /// cref="Matrix.Host.Storage.Tables.ToDevice.ToDeviceSent.Overhead"/> more than it has.
    /// </summary>
    public long MaxToDeviceWaiting { get; init; } = 16L * 1024 * 1024;

    /// <summary>How many session keys one request may put into a backup.</summary>
    public int MaxBackupKeys { get; init; } = 5000;
}
