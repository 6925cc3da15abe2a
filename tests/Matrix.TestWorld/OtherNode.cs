using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.TestWorld;

/// <summary>
/// Another node, played by the server itself: a shard that it has is closed, and opened while it carries out a command
/// that was sent to it. Code that needs the shard and sends no command fails.
/// </summary>
[SuppressMessage("Design", "CA1001", Justification = "The semaphore has no handle, and outlives restarts.")]
public sealed class OtherNode(MovableShards shards) : IShardCalls
{
    private readonly ConcurrentQueue<(Authority Owner, ShardCallKind Kind)> _calls = new();
    private readonly ConcurrentDictionary<int, bool> _its = new();
    private readonly Dictionary<int, int> _inside = [];
    private readonly SemaphoreSlim _gate = new(1, 1);
    private IServiceProvider? _parts;
    private int _lostAnswers;

    /// <summary>The commands that were sent.</summary>
    public IReadOnlyCollection<(Authority Owner, ShardCallKind Kind)> Calls => _calls;

    /// <summary>The authorities whose owner cannot be reached.</summary>
    public ConcurrentDictionary<Authority, bool> Unreachable { get; } = new();

    /// <summary>Gives a server this other node and its shards: <see cref="TestServer.Replaces"/>.</summary>
    public void AddTo(IServiceCollection parts)
    {
        shards.AddTo(parts);
        parts.AddSingleton<IShardCalls>(made =>
        {
            _parts = made;
            return this;
        });
    }

    /// <summary>The other node takes the shards of authorities.</summary>
    public async Task TakesAsync(params Authority[] authorities)
    {
        await shards.CloseAsync(authorities);
        foreach (var authority in authorities) _its[authority.Shard] = true;
    }

    /// <summary>The other node gives the shards of authorities back.</summary>
    public void Gives(params Authority[] authorities)
    {
        foreach (var authority in authorities) _its.TryRemove(authority.Shard, out _);
        shards.Open(authorities);
    }

    /// <summary>The answers to the next commands are lost after these were carried out.</summary>
    public void LosesAnswers(int count) => Volatile.Write(ref _lostAnswers, count);

    /// <summary>How many commands were sent to an authority.</summary>
    public int CallsTo(Authority owner) => _calls.Count(call => call.Owner == owner);

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> CallAsync(
        Authority owner, ShardCallKind kind, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        _calls.Enqueue((owner, kind));
        if (Unreachable.ContainsKey(owner)) throw ShardGates.NotOwned(owner);
        await EnterAsync(owner);
        try
        {
            var handler = _parts!.GetServices<IShardCallHandler>().Single(each => each.Kind == kind);
            var answer = await handler.AnswerAsync(body, stop);
            return Interlocked.Decrement(ref _lostAnswers) >= 0 ? throw ShardGates.NotOwned(owner) : answer;
        }
        finally
        {
            await LeaveAsync(owner);
        }
    }

    private async Task EnterAsync(Authority owner)
    {
        await _gate.WaitAsync();
        try
        {
            var inside = _inside.GetValueOrDefault(owner.Shard);
            if (inside == 0) shards.Open(owner);
            _inside[owner.Shard] = inside + 1;
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task LeaveAsync(Authority owner)
    {
        await _gate.WaitAsync();
        try
        {
            if (--_inside[owner.Shard] == 0 && _its.ContainsKey(owner.Shard)) await shards.CloseAsync(owner);
        }
        finally
        {
            _gate.Release();
        }
    }
}
