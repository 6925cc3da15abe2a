using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Storage.Caching;

/// <summary>
/// A cache bounded by bytes: the least recently used entries go first. Safe for many threads; every operation is O(1).
/// What nobody asked for yet may be kept apart, within a smaller bound: it goes before anything that was asked for, and while it is young, when
/// the collector has not yet moved it.
/// </summary>
/// <param name="maxBytes">Bound on the sum of all sizes; an entry larger than half of it is not kept.</param>
/// <param name="sizeOf">Size of a value in bytes, its key and our own bookkeeping excluded.</param>
/// <param name="untriedBytes">The part of it for what <see cref="PutUntried"/> puts.</param>
public sealed class ByteCache<TKey, TValue>(long maxBytes, Func<TValue, long> sizeOf, long untriedBytes = 0)
    where TKey : notnull
    where TValue : class
{
    /// <summary>What the dictionary slot, the node and the key cost, roughly.</summary>
    private const long EntryOverhead = 120;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Node> _entries = [];
    private readonly Order _tried = new();
    private readonly Order _untried = new();

    /// <summary>Bytes held now, bookkeeping included.</summary>
    public long Bytes => Volatile.Read(ref _tried.Bytes) + Volatile.Read(ref _untried.Bytes);

    /// <summary>The bound.</summary>
    public long MaxBytes => maxBytes;

    /// <summary>The value of a key, which thereby becomes the most recently used.</summary>
    public bool TryGet(TKey key, [NotNullWhen(true)] out TValue? value)
    {
        lock (_gate)
        {
            if (!_entries.TryGetValue(key, out var node))
            {
                value = null;
                return false;
            }

            _tried.Take(node);
            value = node.Value;
            return true;
        }
    }

    /// <summary>Puts or replaces a value, and drops the oldest until the bound holds.</summary>
    public void Put(TKey key, TValue value)
    {
        var size = sizeOf(value) + EntryOverhead;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var known)) Replace(known, value, size);
            else Add(key, value, size, _tried);
        }
    }

    /// <summary>
    /// Puts or replaces a value of which nobody knows whether it will be asked for. A new one is kept until it is, or until younger ones of its
    /// kind take its place; one of more than half of their room is put like any other.
    /// </summary>
    public void PutUntried(TKey key, TValue value)
    {
        var size = sizeOf(value) + EntryOverhead;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var known)) Replace(known, value, size);
            else Add(key, value, size, size > untriedBytes / 2 ? _tried : _untried);
            while (_untried.Bytes > untriedBytes) Drop(_untried.Oldest!);
        }
    }

    /// <summary>
    /// Puts a value that was read unless there is one by now, which is newer than what was read; answers the one that stands.
    /// </summary>
    public TValue PutIfAbsent(TKey key, TValue read)
    {
        var size = sizeOf(read) + EntryOverhead;
        lock (_gate)
        {
            if (_entries.TryGetValue(key, out var known))
            {
                _tried.Take(known);
                return known.Value;
            }

            Add(key, read, size, _tried);
            return read;
        }
    }

    /// <summary>Drops everything.</summary>
    public void Clear()
    {
        lock (_gate)
        {
            while (_tried.Oldest is { } node) Drop(node);
            while (_untried.Oldest is { } node) Drop(node);
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
        _tried.Take(known);
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

    private void Trim()
    {
        while (Bytes > maxBytes && (_tried.Oldest ?? _untried.Oldest) is { } last) Drop(last);
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
        public Order? Order { get; set; }
        public Node? Newer { get; set; }
        public Node? Older { get; set; }
    }

    /// <summary>Nodes from the least to the most recently used, and the sum of their sizes.</summary>
    private sealed class Order
    {
        public long Bytes;
        private Node? _newest;

        public Node? Oldest { get; private set; }

        /// <summary>The node is the most recently used one here, wherever it was.</summary>
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
