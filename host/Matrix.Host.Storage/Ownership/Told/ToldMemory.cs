using System.Formats.Cbor;
using Matrix.Core.Cluster;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Storage.Ownership.Told;

/// <summary>
/// Tells all nodes the items of this one, and takes theirs. Changes are gathered for a moment; everything is told again
/// at intervals, and to a node that asks. Nothing waits for it, and nothing happens where there are no other nodes.
/// Thread-safe.
/// </summary>
public sealed partial class ToldMemory : INodeTellHandler, IDisposable
{
    /// <summary>How long changes are gathered.</summary>
    internal static readonly TimeSpan GatherTime = TimeSpan.FromMilliseconds(50);

    /// <summary>How often everything is told.</summary>
    internal static readonly TimeSpan RepeatAfter = TimeSpan.FromSeconds(30);

    /// <summary>The most items, and bytes of items, of one tell. An item alone may have more.</summary>
    private const int MostItems = 500;

    private const int MostBytes = 256 * 1024;

    /// <summary>The most changes that are gathered. Beyond these everything is told.</summary>
    private const int MostChanges = 10_000;

    private readonly IToldItems _items;
    private readonly INodeTells _tells;
    private readonly ILogger _log;
    private readonly ITimer _gathered;
    private readonly ITimer _repeated;

    /// <summary>Guards the changes. Taken last.</summary>
    private readonly Lock _gate = new();

    /// <summary>Guards what others told. Taken before any lock of the items.</summary>
    private readonly Lock _taking = new();

    private readonly HashSet<string> _changed = new(StringComparer.Ordinal);
    private readonly Dictionary<NodeIncarnation, ToldBy> _others = [];
    private bool _isGathering;
    private bool _isRepeating;
    private long _number;

    internal ToldMemory(IToldItems items, INodeTells tells, TimeProvider time, ILogger log)
    {
        _items = items;
        _tells = tells;
        _log = log;
        _gathered = time.CreateTimer(
            static memory => ((ToldMemory)memory!).TellChanges(), this, Timeout.InfiniteTimeSpan,
            Timeout.InfiniteTimeSpan);
        _repeated = time.CreateTimer(
            static memory => ((ToldMemory)memory!).Repeat(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public NodeTellKind Kind => _items.Kind;

    /// <summary>An item of this node changed, or is gone.</summary>
    public void Changed(string key)
    {
        if (_tells.Others.Count == 0) return;
        lock (_gate)
        {
            if (_changed.Count <= MostChanges) _changed.Add(key);
            if (_isGathering) return;
            _isGathering = true;
        }

        _gathered.Change(GatherTime, Timeout.InfiniteTimeSpan);
    }

    /// <inheritdoc/>
    public void OnTold(NodeIncarnation from, ReadOnlyMemory<byte> body)
    {
        if (ToldPart.Read(body) is not { } part)
        {
            LogMalformed(Kind, from.Node);
            return;
        }

        lock (_taking)
        {
            // A node that is not known yet is asked once it is, and nothing would drop what one that is gone told.
            if (!_tells.Others.Contains(from)) return;
            if (!_others.TryGetValue(from, out var known)) _others[from] = known = new ToldBy();
            foreach (var item in part.Items)
            {
                if (known.IsNews(item.Key, part.Number)) Take(from, item);
            }

            if (!known.Completes(part)) return;
            _items.Keep(from, known.IsKept);
            known.Prune();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gathered.Dispose();
        _repeated.Dispose();
    }

    /// <summary>The other nodes are different ones.</summary>
    internal void NodesChanged()
    {
        var others = _tells.Others;
        lock (_gate)
        {
            if (_isRepeating != others.Count > 0)
            {
                _isRepeating = others.Count > 0;
                var after = _isRepeating ? RepeatAfter : Timeout.InfiniteTimeSpan;
                _repeated.Change(after, after);
            }
        }

        lock (_taking)
        {
            foreach (var gone in _others.Keys.Where(node => !others.Contains(node)).ToArray())
            {
                _others.Remove(gone);
                _items.Drop(gone);
            }
        }
    }

    /// <summary>A node asks for everything.</summary>
    internal void TellAll(NodeIncarnation to) => TellEverything(part => _tells.Tell(to, Kind, part));

    private void Repeat() => TellEverything(part => _tells.TellAll(Kind, part));

    private void TellEverything(Action<byte[]> tell)
    {
        var number = Interlocked.Increment(ref _number);
        var parts = Chunks(_items.Own()).ToList();
        if (parts.Count == 0) parts.Add([]);
        for (var index = 0; index < parts.Count; index++)
        {
            tell(new ToldPart(number, index, parts.Count, parts[index]).ToBytes());
        }
    }

    private void TellChanges()
    {
        string[] changed;
        lock (_gate)
        {
            _isGathering = false;
            changed = [.. _changed];
            _changed.Clear();
        }

        if (changed.Length > MostChanges)
        {
            Repeat();
            return;
        }

        // First the number: a change that comes while this is written has a greater one.
        var number = Interlocked.Increment(ref _number);
        foreach (var items in Chunks(changed))
        {
            _tells.TellAll(Kind, new ToldPart(number, Index: 0, Count: 0, items).ToBytes());
        }
    }

    /// <summary>What the items of this node say now, in pieces that are not too large.</summary>
    private IEnumerable<List<ToldItem>> Chunks(IReadOnlyCollection<string> keys)
    {
        var items = new List<ToldItem>(Math.Min(keys.Count, MostItems));
        var bytes = 0;
        foreach (var key in keys)
        {
            var writer = new CborWriter(CborConformanceMode.Lax);
            if (!_items.TryWrite(key, writer)) continue;
            var item = new ToldItem(key, writer.Encode());
            if (items.Count > 0 && (items.Count >= MostItems || bytes + item.Value.Length > MostBytes))
            {
                yield return items;
                items = [];
                bytes = 0;
            }

            items.Add(item);
            bytes += item.Value.Length;
        }

        if (items.Count > 0) yield return items;
    }

    private void Take(NodeIncarnation from, ToldItem item)
    {
        try
        {
            _items.Take(from, item.Key, new CborReader(item.Value, CborConformanceMode.Lax));
        }
        catch (Exception fault) when (ToldPart.IsMalformed(fault))
        {
            LogMalformed(Kind, from.Node);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "What was told of {Kind} by {Node} is malformed")]
    private partial void LogMalformed(NodeTellKind kind, string node);
}
