namespace Matrix.Host.Configuration;

internal static partial class ConfigKeys
{
    /// <summary>The settings of keys and device lists that servers exchange.</summary>
    private static ConfigKey[] DeviceListKeys() =>
    [
        Key(
            "federation.send_device_names", ConfigTypes.Flag, c => c.Keys.SendDeviceNames,
            "Whether other servers get the names of local users' devices, such as \"Alice's phone\"."),
        Key(
            "federation.key_request_time", ConfigTypes.Duration, c => c.Keys.KeyRequestTime,
            "The longest time that a client's request waits for keys of other servers."),
        Key(
            "federation.key_requests", ConfigTypes.Whole(1, 10_000), c => c.Keys.MaxKeyRequests,
            "Requests for keys and profiles to other servers at once that clients wait for; others wait."),
        Key(
            "federation.devices_of_user", ConfigTypes.Whole(10, 100_000), c => c.Keys.MaxRemoteDevices,
            "Devices of another server's user. A longer list is not cached."),
        Key(
            "federation.device_list_fetches", ConfigTypes.Whole(1, 10_000), c => c.Keys.MaxListFetches,
            "Device lists that are fetched at once, to be cached; others wait."),
        Key(
            "federation.device_list_fetches_of_server", ConfigTypes.Whole(1, 1000), c => c.Keys.MaxListFetchesOfServer,
            "The same, of one server."),
        Key(
            "federation.device_lists_waiting", ConfigTypes.Whole(10), c => c.Keys.MaxStaleLists,
            "Device lists in memory that wait to be fetched; others wait in the database."),
        Key(
            "federation.device_list_first_pause", ConfigTypes.Duration, c => c.Keys.FirstFetchPause,
            "The pause after the first failed fetch of a device list; each further failure doubles it."),
        Key(
            "federation.device_list_longest_pause", ConfigTypes.Duration, c => c.Keys.LongestFetchPause,
            "The longest such pause."),
        Key(
            "federation.device_list_sweep", ConfigTypes.Duration, c => c.Keys.ListSweepInterval,
            "How often cached lists of users who share no room any more are deleted."),
        Key(
            "federation.device_updates_kept", ConfigTypes.Whole(10, 10_000), c => c.Keys.DeviceUpdatesKept,
            "Changes of a local user's devices that are kept for servers that have not got them."),
        Key(
            "federation.device_updates_sent", ConfigTypes.Whole(1, 1000), c => c.Keys.MaxDeviceUpdates,
            "Changes of a user's devices that are sent to a server one by one. Beyond this only the newest is sent, "
                + "and the server fetches the list."),
    ];
}
