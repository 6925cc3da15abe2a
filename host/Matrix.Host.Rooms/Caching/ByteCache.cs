using System.Diagnostics.CodeAnalysis;

namespace Matrix.Host.Rooms.Caching;

/// <summary>
/// A cache bounded by bytes: the least recently used entries go first. Safe for many threads; every operation is O(1).
/// </summary>
/// <param name="maxBytes">Bound on the sum of all sizes; an entry larger than half of it is not kept.</param>
/// <param name="sizeOf">Size of a value in bytes, its key and our own bookkeeping excluded.</param>
public sealed class ByteCache<TKey, TValue>(long maxBytes, Func<TValue, long> sizeOf)
    where TKey : notnull
    where TValue : class
{
    /// <summary>What the dictionary slot, the node and the key cost, roughly.</summary>
    private const long EntryOverhead = 120;

    private readonly Lock _gate = new();
    private readonly Dictionary<TKey, Node> _entries = [];
    private Node? _newest;
    private Node? _oldest;
    private long _bytes;

    /// <summary>Bytes held now, bookkeeping included.</summary>
    public long Bytes => Volatile.Read(ref _bytes);

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

            MoveToFront(node);
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
            if (!_entries.TryGetValue(key, out var known))
            {
                Add(key, value, size);
            }
            else if (size > maxBytes / 2)
            {
                _entries.Remove(key);
                Unlink(known);
            }
            else
            {
                Unlink(known);
                known.Value = value;
                known.Size = size;
                Link(known);
                Trim();
            }
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
                MoveToFront(known);
                return known.Value;
            }

            Add(key, read, size);
            return read;
        }
    }

    /// <summary>Drops a key.</summary>
    public void Remove(TKey key)
    {
        lock (_gate)
        {
            if (_entries.Remove(key, out var old)) Unlink(old);
        }
    }

    private void Add(TKey key, TValue value, long size)
    {
        if (size > maxBytes / 2) return;
        var node = new Node(key, value, size);
        _entries.Add(key, node);
        Link(node);
        Trim();
    }

    private void Trim()
    {
        while (_bytes > maxBytes && _oldest is { } last)
        {
            _entries.Remove(last.Key);
            Unlink(last);
        }
    }

    private void MoveToFront(Node node)
    {
        if (ReferenceEquals(node, _newest)) return;
        Unlink(node);
        Link(node);
    }

    private void Link(Node node)
    {
        node.Newer = null;
        node.Older = _newest;
        if (_newest is not null) _newest.Newer = node;
        _newest = node;
        _oldest ??= node;
        _bytes += node.Size;
    }

    private void Unlink(Node node)
    {
        if (node.Newer is null) _newest = node.Older; else node.Newer.Older = node.Older;
        if (node.Older is null) _oldest = node.Newer; else node.Older.Newer = node.Newer;
        node.Newer = node.Older = null;
        _bytes -= node.Size;
    }

    private sealed class Node(TKey key, TValue value, long size)
    {
        public TKey Key { get; } = key;
        public TValue Value { get; set; } = value;
        public long Size { get; set; } = size;
        public Node? Newer { get; set; }
        public Node? Older { get; set; }
    }
}
