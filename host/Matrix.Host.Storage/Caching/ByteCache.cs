using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Storage.Caching;

/// <summary>
/// A cache bounded by bytes that evicts entries that were not used lately. A use only sets a flag; the oldest entry is
/// kept once more if it has the flag. Thread-safe; every operation is O(1). New entries may be put on probation, within
/// a smaller bound: they are evicted before protected entries, while the garbage collector still counts them as young.
/// </summary>
/// <param name="maxBytes">Bound on the sum of all sizes; an entry larger than half of it is not kept.</param>
/// <param name="sizeOf">Size of a value in bytes, without its key and the cache's overhead.</param>
/// <param name="probationBytes">The part of the bound for entries on probation.</param>
public sealed class ByteCache<TKey, TValue>(long maxBytes, Func<TValue, long> sizeOf, long probationBytes = 0)
    where TKey : notnull
    where TValue : class
{
    /// <summary>Estimated overhead of an entry: the dictionary slot, the node and the key.</summary>
    private const long EntryOverhead = 120;

    /// <summary>The most used entries that one eviction passes over.</summary>
    private const int MostSpared = 64;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Node> _entries = [];
    private readonly Order _protected = new();
    private readonly Order _probation = new();

    /// <summary>Bytes held now, overhead included.</summary>
    public long Bytes => Volatile.Read(ref _protected.Bytes) + Volatile.Read(ref _probation.Bytes);

    /// <summary>The bound on the sum of all sizes.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>Reads a value, which counts as a use.</summary>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var node))
            {
                value = null;
                return false;
            }

            Use(node);
            value = node.Value;
            return true;
        }
    }

    /// <summary>Puts or replaces a value, then evicts until the bound holds.</summary>
    public void Put(TKey key, TValue value)
    {
        var size = sizeOf(value) + EntryOverhead;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var known)) Replace(known, value, size);
            else Add(key, value, size, _protected);
        }
    }

    /// <summary>
    /// Puts or replaces a value on probation: a new value stays until it is read, which protects it, or until newer
    /// values of this kind evict it. A value larger than half of the probation bound is protected at once.
    /// </summary>
    public void PutOnProbation(TKey key, TValue value)
    {
        var size = sizeOf(value) + EntryOverhead;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var known)) Replace(known, value, size);
            else Add(key, value, size, size > probationBytes / 2 ? _protected : _probation);
            while (_probation.Bytes > probationBytes) Drop(_probation.Oldest!);
        }
    }

    /// <summary>
    /// Puts a value that was read from storage, unless the cache holds a newer one by now. Returns the cached value.
    /// </summary>
    public TValue PutIfAbsent(TKey key, TValue read)
    {
        var size = sizeOf(read) + EntryOverhead;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var known))
            {
                Use(known);
                return known.Value;
            }

            Add(key, read, size, _protected);
            return read;
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            while (_protected.Oldest is { } node) Drop(node);
            while (_probation.Oldest is { } node) Drop(node);
        }
    }

    /// <summary>Drops a key.</summary>
    public void Remove(TKey key)
    {
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var old)) Drop(old);
        }
    }

    private void Replace(Node known, TValue value, long size)
    {
        if (size > maxBytes / 2)
        {
            Drop(known);
            return;
        }

        known.Order?.Leave(known);
        known.Value = value;
        known.Size = size;
        _protected.Take(known);
        Trim();
    }

    private void Add(TKey key, TValue value, long size, Order order)
    {
        if (size > maxBytes / 2) return;
        var node = new Node(key, value, size);
        _entries.Add(key, node);
        order.Take(node);
        Trim();
    }

    /// <summary>Moving a node would write to its neighbours, which are rarely in the processor's cache.</summary>
    private void Use(Node node)
    {
        if (node.Order == _protected) node.IsUsed = true;
        else _protected.Take(node);
    }

    private void Trim()
    {
        var spared = 0;
        while (Bytes > maxBytes && (_protected.Oldest ?? _probation.Oldest) is { } last)
        {
            if (last.IsUsed && spared++ < MostSpared)
            {
                last.IsUsed = false;
                _protected.Take(last);
            }
            else Drop(last);
        }
    }

    private void Drop(Node node)
    {
        _entries.Remove(node.Key);
        node.Order?.Leave(node);
    }

    private sealed class Node(TKey key, TValue value, long size)
    {
        public TKey Key { get; } = key;
        public TValue Value { get; set; } = value;
        public long Size { get; set; } = size;
        public bool IsUsed { get; set; }
        public Order? Order { get; set; }
        public Node? Newer { get; set; }
        public Node? Older { get; set; }
    }

    /// <summary>Nodes from the least to the most recently used, with the sum of their sizes.</summary>
    private sealed class Order
    {
        public long Bytes;
        private Node? _newest;

        public Node? Oldest { get; private set; }

        /// <summary>Moves a node here as the most recently used.</summary>
        public void Take(Node node)
        {
            if (ReferenceEquals(node, _newest)) return;
            node.Order?.Leave(node);
            node.Order = this;
            node.Older = _newest;
            if (_newest is not null) _newest.Newer = node;
            _newest = node;
            Oldest ??= node;
            Bytes += node.Size;
        }

        public void Leave(Node node)
        {
            if (node.Newer is null) _newest = node.Older; else node.Newer.Older = node.Older;
            if (node.Older is null) Oldest = node.Newer; else node.Older.Newer = node.Newer;
            node.Newer = node.Older = null;
            node.Order = null;
            Bytes -= node.Size;
        }
    }
}
