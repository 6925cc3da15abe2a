using System.Text.Json;

namespace Matrix.Import.Runs;

/// <summary>
/// The counts of a part, by kind. They are stored with its progress, so that a kill loses or doubles none.
/// </summary>
internal sealed class PartCounts
{
    private readonly SortedDictionary<string, KindCount> _kinds = new(StringComparer.Ordinal);

    /// <summary>The counts, in the order of the kinds' names.</summary>
    public IReadOnlyDictionary<string, KindCount> Kinds => _kinds;

    /// <summary>All rows that were read.</summary>
    public long AllRead { get; private set; }

    /// <summary>All things that were left out.</summary>
    public long AllLeftOut { get; private set; }

    public void Add(string kind, long read = 0, long written = 0, long leftOut = 0)
    {
        var before = _kinds.GetValueOrDefault(kind) ?? new KindCount(0, 0, 0);
        _kinds[kind] = new KindCount(before.Read + read, before.Written + written, before.LeftOut + leftOut);
        AllRead += read;
        AllLeftOut += leftOut;
    }

    /// <summary>The stored form.</summary>
    public string ToText() => JsonSerializer.Serialize(_kinds);

    /// <summary>The counts of a stored form; empty for null.</summary>
    public static PartCounts Of(string? text)
    {
        var counts = new PartCounts();
        if (text is null) return counts;
        foreach (var (kind, count) in JsonSerializer.Deserialize<Dictionary<string, KindCount>>(text) ?? [])
        {
            counts.Add(kind, count.Read, count.Written, count.LeftOut);
        }

        return counts;
    }
}
