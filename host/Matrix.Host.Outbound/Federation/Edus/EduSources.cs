using System.Threading.Channels;

namespace Matrix.Host.Outbound.Federation.Edus;

/// <summary>An EDU in a transaction, with the source that it came from.</summary>
internal readonly record struct PendingEdu(IEduSource Source, OutboundEdu Edu)
{
    public bool Equals(PendingEdu other) => Source == other.Source && Edu.Key.Equals(other.Edu.Key);

    public override int GetHashCode() => Edu.Key.GetHashCode();
}

/// <summary>All sources of EDUs.</summary>
internal sealed class EduSources(IEnumerable<IEduSource> sources)
{
    private readonly IEduSource[] _sources = [.. sources];

    internal IReadOnlyList<IEduSource> All => _sources;

    internal bool HasFor(string server)
    {
        foreach (var source in _sources)
        {
            if (source.HasFor(server)) return true;
        }

        return false;
    }

    /// <summary>
    /// EDUs for a transaction, at most this many. Each source has an equal share; the later ones also get what the
    /// earlier ones leave.
    /// </summary>
    internal async ValueTask<IReadOnlyList<PendingEdu>> NextAsync(
        string server, int most, IReadOnlyList<PendingEdu> deferred, CancellationToken stop)
    {
        var having = _sources.Where(source => source.HasFor(server)).ToArray();
        if (having.Length == 0) return [];
        var edus = new List<PendingEdu>();
        for (var at = 0; at < having.Length && edus.Count < most; at++)
        {
            var share = Math.Max(1, (most - edus.Count) / (having.Length - at));
            var source = having[at];
            var next = await source.NextAsync(server, share, Of(source, deferred), stop);
            foreach (var edu in next) edus.Add(new PendingEdu(source, edu));
        }

        return edus;
    }

    internal static void Remove(string server, IReadOnlyList<PendingEdu> edus, IReadOnlyList<PendingEdu> deferred)
    {
        foreach (var ofSource in edus.GroupBy(static each => each.Source, static each => each.Edu))
        {
            ofSource.Key.Remove(server, [.. ofSource], Of(ofSource.Key, deferred));
        }
    }

    /// <summary>A transaction failed.</summary>
    internal void Failed(string server, IReadOnlyList<PendingEdu> repeated)
    {
        foreach (var source in _sources) source.Failed(server, Of(source, repeated));
    }

    private static OutboundEdu[] Of(IEduSource source, IReadOnlyList<PendingEdu> edus) =>
        edus.Count == 0 ? [] : [.. edus.Where(edu => edu.Source == source).Select(static edu => edu.Edu)];
}

/// <summary>Wakes the one task that waits for news. News that come while it works wake it once more.</summary>
internal sealed class News
{
    private readonly Channel<bool> _channel = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    internal void Wake() => _channel.Writer.TryWrite(true);

    internal async ValueTask WaitAsync(CancellationToken stop) =>
        _ = await _channel.Reader.ReadAsync(stop);
}
