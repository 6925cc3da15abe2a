using Matrix.Host.Parts;

namespace Matrix.Host.Rooms.UserDirectory;

/// <summary>The limits of the user directory.</summary>
public sealed record UserDirectoryOptions
{
    [Setting(
        "user_directory.all_local_users",
        "Whether everyone finds all users of this server. Otherwise a search finds users in public and "
            + "world-readable rooms, and those who share a room with the searching user.")]
    public bool AllLocalUsers { get; init; }

    [Setting(
        "user_directory.index_delay",
        "How long changes are gathered before the users' entries are made again. A search does not wait for "
            + "that.",
        Form = SettingForm.Timer)]
    public TimeSpan IndexDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    [Setting(
        "user_directory.index_wait",
        "How long a search waits for changes that the directory does not have yet.",
        Form = SettingForm.Timer)]
    public TimeSpan IndexWait { get; init; } = TimeSpan.FromSeconds(1);

    [Setting("user_directory.entries_at_once", "Entries that are made in one transaction.", Least = 1, Most = 10_000)]
    public int EntriesAtOnce { get; init; } = 200;

    [Setting(
        "user_directory.words",
        "Words of a user's name and id by which the user is found.",
        Least = 1, Most = 1000)]
    public int WordsOfUser { get; init; } = 50;

    [Setting(
        "user_directory.rooms",
        "Rooms of a user that are looked at for a public one: those joined last.",
        Least = 1, Most = 100_000)]
    public int RoomsOfUser { get; init; } = 1000;

    [Setting("user_directory.results", "The most users in one response.", Least = 1, Most = 10_000)]
    public int Results { get; init; } = 100;

    [Setting("user_directory.ranked", "Matches that are compared for their rank.", Least = 1, Most = 100_000)]
    public int RankedUsers { get; init; } = 500;

    [Setting(
        "user_directory.checked",
        "Matches in no public room whose rooms are looked up one by one. If there are more, the members of the "
            + "searching user's rooms are read.",
        Least = 1, Most = 100_000)]
    public int CheckedUsers { get; init; } = 300;
}
