using Matrix.Core.State;

namespace Matrix.Host.Rooms.State;

/// <summary>Cached states of one room, which share most of their nodes. Thread-safe.</summary>
internal sealed class RoomStates
{
    /// <summary>The most states of one room: a chain of steps between two checkpoints.</summary>
    private const int MaxStates = 64;

    private const int EntryBytes = 96;

    private readonly Lock _gate = new();
    private readonly Dictionary<int, (StateTree Tree, int Bytes)> _byStep = [];
    private readonly Queue<int> _order = new();
    private int _newestStep;
    private long _bytes;

    /// <summary>Bytes of all states, with shared nodes counted once.</summary>
    internal long Bytes
    {
        get
        {
            lock (_gate) return _bytes + (Newest?.MemoryBytes ?? 0);
        }
    }

    /// <summary>The state with the highest step.</summary>
    internal StateTree? Newest { get; private set; }

    /// <summary>The state of a step; null if it is not cached.</summary>
    internal StateTree? Find(int step)
    {
        lock (_gate) return _byStep.TryGetValue(step, out var found) ? found.Tree : null;
    }

    internal void Put(int step, StateTree tree)
    {
        lock (_gate)
        {
            if (_byStep.ContainsKey(step)) return;
            var own = EntryBytes + (Newest is null ? 0 : tree.MemoryBytesBeside(Newest));
            _byStep.Add(step, (tree, own));
            _order.Enqueue(step);
            _bytes += own;
            if (step > _newestStep)
            {
                _newestStep = step;
                Newest = tree;
            }

            // The newest state stays, even if older ones were put after it.
            while (_byStep.Count > MaxStates)
            {
                var oldest = _order.Dequeue();
                if (oldest == _newestStep)
                {
                    _order.Enqueue(oldest);
                    continue;
                }

                _bytes -= _byStep[oldest].Bytes;
                _byStep.Remove(oldest);
            }
        }
    }
}
