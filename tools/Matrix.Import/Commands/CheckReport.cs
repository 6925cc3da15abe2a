using Matrix.Import.Checking;

namespace Matrix.Import.Commands;

/// <summary>What an import would carry.</summary>
/// <param name="Source">The source's schema and database.</param>
/// <param name="Counts">How much there is.</param>
/// <param name="Time">About how long it takes on a small machine.</param>
/// <param name="Notes">What the operator should know, each a sentence or two.</param>
/// <param name="LockedOut">Users who could not sign in any more, the first ones.</param>
/// <param name="LockedOutUsers">How many they are.</param>
/// <param name="IsRunning">Whether Synapse runs.</param>
public sealed record CheckReport(
    string Source,
    IReadOnlyList<CountedTable> Counts,
    TimeSpan Time,
    IReadOnlyList<string> Notes,
    IReadOnlyList<LockedOutUser> LockedOut,
    long LockedOutUsers,
    bool IsRunning);

/// <summary>How much there is of something.</summary>
/// <param name="What">What it is.</param>
/// <param name="Rows">Rows of its table.</param>
public sealed record CountedTable(string What, long Rows)
{
    internal static IReadOnlyList<(string Table, string What)> All { get; } =
    [
        ("users", "users"),
        ("devices", "devices and cross-signing keys"),
        ("access_tokens", "access tokens"),
        ("rooms", "rooms"),
        ("events", "events"),
        ("room_memberships", "changes of memberships"),
        ("receipts_linearized", "receipts"),
        ("e2e_room_keys", "keys in backups"),
        ("e2e_one_time_keys_json", "one-time keys"),
        ("device_inbox", "messages to devices"),
        ("local_media_repository", "media"),
        ("remote_media_cache", "cached media of other servers"),
    ];
}
