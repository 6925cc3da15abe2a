namespace Matrix.Host.Users.Administration;

/// <summary>Bounds of the administration API. Configuration: `admin`.</summary>
public sealed record AdminOptions
{
    /// <summary>How long entries of the audit log are kept.</summary>
    public TimeSpan AuditKept { get; init; } = TimeSpan.FromDays(365);

    /// <summary>The most entries of one administrator in the audit log.</summary>
    public int AuditEntries { get; init; } = 100_000;

    /// <summary>The longest that a token lasts by which an administrator acts as a user.</summary>
    public TimeSpan LongestLoginAs { get; init; } = TimeSpan.FromDays(1);

    /// <summary>The most items in a page.</summary>
    public int LongestPage { get; init; } = 1000;

    /// <summary>How long an administrator stays signed in on the admin page.</summary>
    public TimeSpan SignInLifetime { get; init; } = TimeSpan.FromHours(2);

    /// <summary>How long after the password was given it is not asked again before what cannot be undone.</summary>
    public TimeSpan ConfirmedFor { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The most browsers in which administrators are signed in at once.</summary>
    public int SignIns { get; init; } = 100;

    /// <summary>The most registration tokens.</summary>
    public int RegistrationTokens { get; init; } = 10_000;
}
