using Matrix.Core.Cluster;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Storage.Ownership.Told;

/// <summary>
/// The memory that nodes tell each other: asks a node that is new for all that it has, and answers those that ask.
/// </summary>
public sealed class ToldMemories : INodeTellHandler, IDisposable
{
    private readonly INodeTells _tells;
    private readonly TimeProvider _time;
    private readonly ILogger<ToldMemories> _log;
    private readonly Lock _gate = new();
    private readonly HashSet<NodeIncarnation> _asked = [];
    private ToldMemory[] _all = [];

    /// <summary>Creates it without memory.</summary>
    public ToldMemories(INodeTells tells, TimeProvider time, ILogger<ToldMemories> log)
    {
        (_tells, _time, _log) = (tells, time, log);
        tells.Changed += NodesChanged;
        NodesChanged();
    }

    /// <inheritdoc/>
    public NodeTellKind Kind => NodeTellKind.TellMe;

    /// <summary>Begins to tell items.</summary>
    public ToldMemory Share(IToldItems items)
    {
        var memory = new ToldMemory(items, _tells, _time, _log);
        lock (_gate)
        {
            _all = [.. _all, memory];

            // What was told of it before was not taken.
            _asked.Clear();
        }

        NodesChanged();
        return memory;
    }

    /// <inheritdoc/>
    public void OnTold(NodeIncarnation from, ReadOnlyMemory<byte> body)
    {
        foreach (var memory in Volatile.Read(ref _all)) memory.TellAll(from);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tells.Changed -= NodesChanged;
        foreach (var memory in _all) memory.Dispose();
    }

    private void NodesChanged()
    {
        var others = _tells.Others;
        NodeIncarnation[] added;
        lock (_gate)
        {
            _asked.RemoveWhere(node => !others.Contains(node));
            added = [.. others.Where(_asked.Add)];
        }

        foreach (var memory in Volatile.Read(ref _all)) memory.NodesChanged();
        foreach (var node in added) _tells.Tell(node, NodeTellKind.TellMe, ReadOnlyMemory<byte>.Empty);
    }
}
