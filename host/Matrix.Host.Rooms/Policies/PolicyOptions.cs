namespace Matrix.Host.Rooms.Policies;

/// <summary>The policy lists that the server follows. Configuration: `policy_lists`.</summary>
public sealed record PolicyOptions
{
    /// <summary>The ids of the rooms whose rules the server follows.</summary>
    public IReadOnlyList<string> Rooms { get; init; } = [];

    /// <summary>Servers through which these rooms are joined.</summary>
    public IReadOnlyList<string> Via { get; init; } = [];

    /// <summary>The most rules of all lists; further ones are left out, with a warning.</summary>
    public int MaxRules { get; init; } = 50_000;

    /// <summary>How often it is looked whether a list's room must be joined.</summary>
    public TimeSpan JoinInterval { get; init; } = TimeSpan.FromMinutes(15);
}
