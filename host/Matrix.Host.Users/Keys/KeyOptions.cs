using Matrix.Core.DeviceLists;

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

    /// <summary>
    /// The most bytes of one user's identity, one-time and fallback keys on all devices. Each counts <see
    /// cref="Matrix.Host.Storage.Tables.StoredBytes.StoredBytesFit.Overhead"/> bytes more than it has.
    /// </summary>
    public long MaxDeviceKeyBytes { get; init; } = 64L << 20;

    /// <summary>The most signatures that one user has made on keys.</summary>
    public int MaxKeySignatures { get; init; } = 10_000;

    /// <summary>
    /// The longest name of a key: the id of a session, or an algorithm with the id of a one-time key. Common
    /// identifiers have as many.
    /// </summary>
    internal const int LongestKeyName = 255;

    /// <summary>The most bytes of a dehydrated device's data.</summary>
    public int MaxDehydratedBytes { get; init; } = 128 * 1024;

    /// <summary>The most users whose keys one request may query.</summary>
    public int MaxUsersPerQuery { get; init; } = 2500;

    /// <summary>The most keys that one request may claim.</summary>
    public int MaxClaims { get; init; } = 5000;

    /// <summary>The most bytes of a message to a device, in the form that the device gets.</summary>
    public int MaxToDeviceBytes { get; init; } = 64 * 1024;

    /// <summary>The most devices to which one request may send messages, wildcards resolved.</summary>
    public int MaxToDeviceMessages { get; init; } = 5000;

    /// <summary>
    /// The most bytes of one sender's messages, local or not, that wait for one device. Each message counts <see
    /// cref="Matrix.Host.Storage.Tables.ToDevice.ToDeviceSent.Overhead"/> bytes more than it has.
    /// </summary>
    public long MaxToDeviceWaiting { get; init; } = 16L * 1024 * 1024;

    /// <summary>The same for the messages of all users of one other server together.</summary>
    public long MaxToDeviceWaitingOfServer { get; init; } = 64L * 1024 * 1024;

    /// <summary>The most bytes of messages that wait for one other server, overhead included.</summary>
    public long MaxToDeviceOwed { get; init; } = 256L * 1024 * 1024;

    /// <summary>The most bytes of one sender's messages that wait for other servers, overhead included.</summary>
    public long MaxToDeviceOwedOfSender { get; init; } = 64L * 1024 * 1024;

    /// <summary>
    /// The most servers with which a sender shares no room that the sender's messages wait for.
    /// </summary>
    public int MaxToDeviceServers { get; init; } = 100;

    /// <summary>The most ids of one other server's messages that are remembered.</summary>
    public int RememberedMessages { get; init; } = 1000;

    /// <summary>The most session keys that one request may put into a backup.</summary>
    public int MaxBackupKeys { get; init; } = 5000;

    /// <summary>The most session keys in all backups of a user.</summary>
    public int MaxBackupKeysOfUser { get; init; } = 1_000_000;

    /// <summary>
    /// The most bytes of these keys. Each counts <see
    /// cref="Matrix.Host.Storage.Tables.KeyBackup.BackupKeysFit.Overhead"/> bytes more than it has.
    /// </summary>
    public long MaxBackupBytesOfUser { get; init; } = 1L << 30;

    /// <summary>The most backups of a user.</summary>
    public int MaxBackups { get; init; } = 100;

    /// <summary>Whether other servers get the names of local users' devices.</summary>
    public bool SendDeviceNames { get; init; } = true;

    /// <summary>The longest time that a client's request waits for keys of other servers.</summary>
    public TimeSpan KeyRequestTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Requests to other servers at once that clients wait for.</summary>
    public int MaxKeyRequests { get; init; } = 64;

    /// <summary>The most devices of another server's user.</summary>
    public int MaxRemoteDevices { get; init; } = 1000;

    /// <summary>Device lists of other servers that are fetched at once.</summary>
    public int MaxListFetches { get; init; } = 16;

    /// <summary>The same, of one server.</summary>
    public int MaxListFetchesOfServer { get; init; } = 2;

    /// <summary>Device lists in memory that wait to be fetched; further ones wait in the database.</summary>
    public int MaxStaleLists { get; init; } = 10_000;

    /// <summary>The pause after the first failed fetch of a device list; each further one doubles it.</summary>
    public TimeSpan FirstFetchPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The longest such pause.</summary>
    public TimeSpan LongestFetchPause { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How often lists of users who share no room any more are dropped.</summary>
    public TimeSpan ListSweepInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>The changes of a local user's devices that are kept for servers that have not got them.</summary>
    public int DeviceUpdatesKept { get; init; } = 100;

    /// <summary>
    /// The changes of a user that are sent to a server one by one. Beyond this only the newest is sent, and the server
    /// fetches the list.
    /// </summary>
    public int MaxDeviceUpdates { get; init; } = 20;

    /// <summary>The bounds of what other servers tell about their users' devices.</summary>
    internal DeviceListLimits ListLimits => new(MaxRemoteNameBytes, MaxKeyBytes, MaxPreviousUpdates);

    /// <summary>The most bytes of a device id, and of a device's name, of another server's user.</summary>
    private const int MaxRemoteNameBytes = 1024;

    /// <summary>The most previous updates that an update of another server names.</summary>
    private const int MaxPreviousUpdates = 100;
}
