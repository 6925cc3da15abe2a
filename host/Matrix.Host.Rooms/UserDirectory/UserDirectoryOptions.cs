namespace Matrix.Host.Rooms.UserDirectory;

/// <summary>The limits of the user directory.</summary>
public sealed record UserDirectoryOptions
{
    /// <summary>
    /// Whether everyone finds all local users; otherwise those of public rooms and of rooms that they share.
    /// </summary>
    public bool AllLocalUsers { get; init; }

    /// <summary>How long changes are gathered before entries are made again.</summary>
    public TimeSpan IndexDelay { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a search waits for changes that the directory does not have yet.</summary>
    public TimeSpan IndexWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The most entries that are made at once.</summary>
    public int EntriesAtOnce { get; init; } = 200;

    /// <summary>The most words of a user's name and id.</summary>
    public int WordsOfUser { get; init; } = 50;

    /// <summary>The most rooms of a user that are looked at for a public one: those joined last.</summary>
    public int RoomsOfUser { get; init; } = 1000;

    /// <summary>The most users in a response.</summary>
    public int Results { get; init; } = 100;

    /// <summary>The most matches that are compared for their rank.</summary>
    public int RankedUsers { get; init; } = 500;

    /// <summary>
    /// The most matches of users in no public room whose rooms are looked up one by one. If there are more, the members
    /// of the searching user's rooms are read.
    /// </summary>
    public int CheckedUsers { get; init; } = 300;
}
