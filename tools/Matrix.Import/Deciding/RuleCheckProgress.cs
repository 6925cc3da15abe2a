using System.Text.Json;

namespace Matrix.Import.Deciding;

/// <summary>How far the check of the rules has come, and what it found. It is kept in a file between runs.</summary>
internal sealed class RuleCheckProgress
{
    /// <summary>The differing verdicts that are named; beyond them they are only counted.</summary>
    internal const int MostNamed = 1_000;

    /// <summary>The number of the room that is checked, from 1.</summary>
    public int Room { get; set; } = 1;

    /// <summary>The ordinal of the last event of it that was checked; 0 for none.</summary>
    public uint Ordinal { get; set; }

    /// <summary>The counts of each room version.</summary>
    public SortedDictionary<string, VersionCount> Versions { get; init; } = new(StringComparer.Ordinal);

    /// <summary>Verdicts that differ, the first ones.</summary>
    public List<DifferingVerdict> Differing { get; init; } = [];

    /// <summary>Everything up to this place was checked.</summary>
    public void GoTo(int room, uint ordinal) => (Room, Ordinal) = (room, ordinal);

    /// <summary>Counts an event that was decided again.</summary>
    /// <param name="difference">How the verdicts differ; null if they agree.</param>
    /// <param name="version">The room's version.</param>
    public void Decided(DifferingVerdict? difference, string version)
    {
        var before = CountOf(version);
        Versions[version] = before with
        {
            Decided = before.Decided + 1,
            Differing = before.Differing + (difference is null ? 0 : 1),
        };
        if (difference is not null && Differing.Count < MostNamed) Differing.Add(difference);
    }

    /// <summary>Counts an event that cannot be decided again.</summary>
    public void Undecidable(string version)
    {
        var before = CountOf(version);
        Versions[version] = before with { Undecidable = before.Undecidable + 1 };
    }

    /// <summary>The stored form.</summary>
    public string ToText() => JsonSerializer.Serialize(this);

    /// <summary>The progress of a stored form; a new one if it is none.</summary>
    public static RuleCheckProgress Of(string? text)
    {
        try
        {
            return text is null ? new() : JsonSerializer.Deserialize<RuleCheckProgress>(text) ?? new();
        }
        catch (JsonException)
        {
            return new();
        }
    }

    private VersionCount CountOf(string version) => Versions.GetValueOrDefault(version) ?? new VersionCount();
}
