namespace Matrix.Import.Runs;

/// <summary>What the operator chose. A resumed import needs the same choices.</summary>
public sealed record ImportChoices
{
    /// <summary>The result is for looking only: the server refuses to serve it.</summary>
    public bool IsRehearsal { get; init; }

    /// <summary>Carries accounts, memberships and aliases alone.</summary>
    public bool WithoutHistory { get; init; }

    /// <summary>Leaves out rooms in which no local user is joined, invited or knocking.</summary>
    public bool WithoutEmptyRooms { get; init; }

    /// <summary>Carries other servers' media that Synapse has cached.</summary>
    public bool RemoteMedia { get; init; }

    /// <summary>Links media files where the file system can, instead of copying them.</summary>
    public bool LinkMedia { get; init; } = true;

    /// <summary>What the operator accepts by name, such as a setting without a counterpart.</summary>
    public IReadOnlyList<string> Accepted { get; init; } = [];

    /// <summary>The choices in one line, for the fingerprint.</summary>
    internal string Text =>
        $"{IsRehearsal} {WithoutHistory} {WithoutEmptyRooms} {RemoteMedia} {string.Join(',', Accepted.Order())}";
}
