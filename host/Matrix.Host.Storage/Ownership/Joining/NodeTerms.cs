namespace Matrix.Host.Storage.Ownership.Joining;

/// <summary>
/// What a node needs of the others. Two nodes serve together only if neither refuses the other.
/// </summary>
public sealed record NodeTerms
{
    /// <summary>The version of the software.</summary>
    public string Version { get; init; } = "";

    /// <summary>How many migrations a node has to know at least that serves with this one's schema.</summary>
    public int OldestSchema { get; init; }

    /// <summary>How many migrations this node knows.</summary>
    public int NewestSchema { get; init; }

    /// <summary>The oldest format of what nodes write for each other that this one reads.</summary>
    public int OldestWire { get; init; } = NodeWire.Oldest;

    /// <summary>The newest such format.</summary>
    public int NewestWire { get; init; } = NodeWire.Newest;

    /// <summary>The format that it writes.</summary>
    public int WrittenWire { get; init; } = NodeWire.Newest;

    /// <summary>Its settings.</summary>
    public SettingDigests Settings { get; init; } = SettingDigests.None;

    /// <summary>Why this node cannot serve together with another one; null if it can.</summary>
    /// <param name="name">The other node.</param>
    /// <param name="other">What that one needs; null if it serves alone, or is too old to say.</param>
    public string? WhyNotWith(string name, NodeTerms? other)
    {
        if (other is null)
        {
            return $"The node {name} serves, and not together with others: it has no cluster.listen, or an earlier "
                + "version. Stop it first.";
        }

        var its = $"the node {name} with the version {other.Version}";
        if (NewestSchema < other.OldestSchema)
        {
            return $"This version knows {NewestSchema} migrations of the schema, and {its} needs "
                + $"{other.OldestSchema}. Start that version here too.";
        }

        if (other.NewestSchema < OldestSchema)
        {
            return $"This version needs {OldestSchema} migrations of the schema, and {its} knows "
                + $"{other.NewestSchema}. Not all migrations between them allow both to serve: stop all nodes, and "
                + "start this version then.";
        }

        if (NewestWire < Math.Max(other.OldestWire, other.WrittenWire) || other.NewestWire < OldestWire)
        {
            return $"This version reads formats {OldestWire} to {NewestWire} of what nodes write for each other, and "
                + $"{its} reads {other.OldestWire} to {other.NewestWire} and writes {other.WrittenWire}. Versions "
                + "between them can serve with both; otherwise stop all nodes first.";
        }

        return Settings.DisagreeingWith(other.Settings) is { Count: > 0 } names
            ? $"The node {name} has other values of settings that all nodes must share: {string.Join(", ", names)}. "
                + "To change them, stop all nodes first."
            : null;
    }
}
