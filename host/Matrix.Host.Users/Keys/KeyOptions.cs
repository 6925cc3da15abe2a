using Matrix.Core.DeviceLists;
using Matrix.Host.Parts;

namespace Matrix.Host.Users.Keys;

/// <summary>The limits of keys and of messages to devices.</summary>
public sealed record KeyOptions
{
    [Setting(
        "federation.send_device_names",
        "Whether other servers get the names of local users' devices, such as \"Alice's phone\".")]
    public bool SendDeviceNames { get; init; } = true;

    [Setting(
        "federation.key_request_time",
        "The longest time that a client's request waits for keys of other servers.")]
    public TimeSpan KeyRequestTime { get; init; } = TimeSpan.FromSeconds(30);

    [Setting(
        "federation.key_requests",
        "Requests for keys and profiles to other servers at once that clients wait for; others wait.",
        Least = 1, Most = 10_000)]
    public int MaxKeyRequests { get; init; } = 64;

    [Setting(
        "federation.devices_of_user",
        "Devices of another server's user. A longer list is not cached.",
        Least = 10, Most = 100_000)]
    public int MaxRemoteDevices { get; init; } = 1000;

    [Setting(
        "federation.device_list_fetches",
        "Device lists that are fetched at once, to be cached; others wait.",
        Least = 1, Most = 10_000)]
    public int MaxListFetches { get; init; } = 16;

    /// <summary>
    /// The longest name of a key: the id of a session, or an algorithm with the id of a one-time key. Common
    /// identifiers have as many.
    /// </summary>
    internal const int LongestKeyName = 255;

    [Setting("federation.device_list_fetches_of_server", "The same, of one server.", Least = 1, Most = 1000)]
    public int MaxListFetchesOfServer { get; init; } = 2;

    [Setting(
        "federation.device_lists_waiting",
        "Device lists in memory that wait to be fetched; others wait in the database.",
        Least = 10)]
    public int MaxStaleLists { get; init; } = 10_000;

    [Setting(
        "federation.device_list_first_pause",
        "The pause after the first failed fetch of a device list; each further failure doubles it.")]
    public TimeSpan FirstFetchPause { get; init; } = TimeSpan.FromSeconds(1);

    [Setting("federation.device_list_longest_pause", "The longest such pause.")]
    public TimeSpan LongestFetchPause { get; init; } = TimeSpan.FromHours(1);

    [Setting("federation.device_list_sweep", "How often cached lists of users who share no room any more are deleted.")]
    public TimeSpan ListSweepInterval { get; init; } = TimeSpan.FromHours(1);

    [Setting(
        "federation.device_updates_kept",
        "Changes of a local user's devices that are kept for servers that have not got them.",
        Least = 10, Most = 10_000)]
    public int DeviceUpdatesKept { get; init; } = 100;

    [Setting(
        "federation.device_updates_sent",
        "Changes of a user's devices that are sent to a server one by one. Beyond this only the newest is sent, "
            + "and the server fetches the list.",
        Least = 1, Most = 1000)]
    public int MaxDeviceUpdates { get; init; } = 20;

    [Setting(
        "limits.one_time_keys",
        "Unclaimed one-time keys of one algorithm and device.",
        Least = 50, Most = 100_000)]
    public int MaxOneTimeKeys { get; init; } = 1000;

    [Setting("limits.key_algorithms", "Algorithms of a device's one-time and fallback keys.", Least = 2, Most = 1000)]
    public int MaxKeyAlgorithms { get; init; } = 16;

    [Setting(
        "limits.key_bytes",
        "Bytes of one key with its signatures, or of one key in a backup.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 1 << 20)]
    public int MaxKeyBytes { get; init; } = 32 * 1024;

    [Setting(
        "limits.device_key_bytes",
        "Bytes of the identity, one-time and fallback keys of one user's devices together, with 200 added to "
            + "each key. One-time keys that were claimed count until the device's next upload.",
        Least = 64 << 10, Most = 1L << 40)]
    public long MaxDeviceKeyBytes { get; init; } = 64L << 20;

    [Setting(
        "limits.key_signatures",
        "Signatures that one user has made on keys, of the own devices and of others.",
        Least = 10, Most = 10_000_000)]
    public int MaxKeySignatures { get; init; } = 10_000;

    [Setting(
        "limits.dehydrated_device_bytes",
        "Bytes of the data of a dehydrated device.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 1 << 20)]
    public int MaxDehydratedBytes { get; init; } = 128 * 1024;

    [Setting("limits.key_query_users", "Users in one key query.", Least = 1, Most = 100_000)]
    public int MaxUsersPerQuery { get; init; } = 2500;

    [Setting("limits.key_claims", "One-time keys claimed by one request.", Least = 1, Most = 100_000)]
    public int MaxClaims { get; init; } = 5000;

    [Setting(
        "limits.to_device_bytes",
        "Bytes of one message to a device.",
        Form = SettingForm.Bytes, Least = 4 << 10, Most = 1 << 20)]
    public int MaxToDeviceBytes { get; init; } = 64 * 1024;

    [Setting("limits.to_device_messages", "Devices to which one request sends messages.", Least = 1, Most = 100_000)]
    public int MaxToDeviceMessages { get; init; } = 5000;

    [Setting(
        "limits.to_device_inbox",
        "Bytes of one sender's messages that wait for one device, with half a KiB added to each. Beyond this the "
            + "sender's messages are refused; those of another server's user are dropped.",
        Least = 64 << 10, Most = 1L << 30)]
    public long MaxToDeviceWaiting { get; init; } = 16L * 1024 * 1024;

    [Setting(
        "limits.to_device_inbox_of_server",
        "The same for the messages of all users of one other server. Beyond this its messages are dropped.",
        Least = 64 << 10, Most = 4L << 30)]
    public long MaxToDeviceWaitingOfServer { get; init; } = 64L * 1024 * 1024;

    [Setting(
        "limits.to_device_outbox",
        "Bytes of messages that wait for one other server, with half a KiB added to each. Beyond this messages "
            + "to its users are refused; others of the same request are sent.",
        Least = 64 << 10, Most = 64L << 30)]
    public long MaxPendingToDevice { get; init; } = 256L * 1024 * 1024;

    [Setting(
        "limits.to_device_outbox_of_sender",
        "Bytes of one sender's messages that wait for other servers, measured in the same way.",
        Least = 64 << 10, Most = 64L << 30)]
    public long MaxPendingToDeviceOfSender { get; init; } = 64L * 1024 * 1024;

    [Setting(
        "limits.to_device_outbox_servers",
        "Servers with which a sender shares no room that the sender's messages wait for. Beyond this messages "
            + "for further ones are refused.",
        Least = 1, Most = 1_000_000)]
    public int MaxToDeviceServers { get; init; } = 100;

    [Setting(
        "limits.remembered_messages",
        "Ids of one other server's latest messages to devices that are remembered: a message that comes again is "
            + "not delivered again.",
        Least = 100, Most = 10_000_000)]
    public int RememberedMessages { get; init; } = 1000;

    [Setting("limits.backup_keys", "Keys in one request to a backup.", Least = 1, Most = 100_000)]
    public int MaxBackupKeys { get; init; } = 5000;

    [Setting("limits.backups", "Backups of one user.", Least = 2, Most = 10_000)]
    public int MaxBackups { get; init; } = 100;

    [Setting(
        "limits.backup_keys_of_user",
        "Keys in all backups of one user together.",
        Least = 1, Most = 1_000_000_000)]
    public int MaxBackupKeysOfUser { get; init; } = 1_000_000;

    [Setting(
        "limits.backup_bytes_of_user",
        "Bytes of these keys, with 300 added to each.",
        Least = 64 << 10, Most = 1L << 40)]
    public long MaxBackupBytesOfUser { get; init; } = 1L << 30;

    /// <summary>The bounds of what other servers tell about their users' devices.</summary>
    internal DeviceListLimits ListLimits => new(MaxRemoteNameBytes, MaxKeyBytes, MaxPreviousUpdates);

    /// <summary>The most bytes of a device id, and of a device's name, of another server's user.</summary>
    private const int MaxRemoteNameBytes = 1024;

    /// <summary>The most previous updates that an update of another server names.</summary>
    private const int MaxPreviousUpdates = 100;
}
