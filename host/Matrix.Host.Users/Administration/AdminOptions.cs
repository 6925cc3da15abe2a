namespace Matrix.Host.Users.Administration;

/// <summary>Bounds of the administration API. Configuration: `admin`.</summary>
public sealed record AdminOptions
{
    /// <summary>How long entries of the audit log are kept.</summary>
    public TimeSpan AuditKept { get; init; } = TimeSpan.FromDays(365);

    /// <summary>The most entries of the audit log.</summary>
    public int AuditEntries { get; init; } = 100_000;

    /// <summary>The longest that a token lasts by which an administrator acts as a user.</summary>
    public TimeSpan LongestLoginAs { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The most items in a page.</summary>
    public int LongestPage { get; init; } = 1000;

    /// <summary>The most registration tokens.</summary>
    public int RegistrationTokens { get; init; } = 10_000;
}
