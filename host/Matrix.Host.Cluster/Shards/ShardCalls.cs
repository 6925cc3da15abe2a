using System.Buffers.Binary;
using Matrix.Core.Cluster;
using Matrix.Host.Cluster.Calls;
using Matrix.Host.Cluster.Flushes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Shards;

namespace Matrix.Host.Cluster.Shards;

/// <summary>
/// Calls the owners of shards. What is asked and what is answered carry a position: the other side first reads the
/// flushes up to it.
/// </summary>
public sealed class ShardCalls(
    ClusterNode node,
    ClusterNodeOptions options,
    ShardOwners owners,
    ShardGates gates,
    AppliedPositions positions,
    ClusterMetrics metrics,
    IEnumerable<IShardCallHandler> handlers) : IShardCalls
{
    private readonly ShardFinder _finder = new(node, options, owners, gates, metrics);
    private readonly IShardCallHandler[] _handlers = [.. handlers];

    /// <inheritdoc/>
    public async ValueTask<ReadOnlyMemory<byte>> CallAsync(
        Authority owner, ShardCallKind kind, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        for (var asked = 0; ; asked++)
        {
            var to = await _finder.FindAsync(owner, stop) ?? throw Failed("no_owner");
            if (to.Equals(node.Self)) return await _handlers.Single(one => one.Kind == kind).AnswerAsync(body, stop);
            var answer = await node.Calls.CallAsync(to, (int)kind, ShardFrame.Of(positions.Position, body), stop);
            if (!answer.IsAnswered
                || !ShardFrame.TryRead(answer.Body, out var isOwner, out var position, out var given))
            {
                throw Failed("no_answer");
            }

            await positions.ReachAsync(position, AppliedPositions.LongestWait, stop);
            if (isOwner)
            {
                metrics.Asked(kind, "answered");
                return given;
            }

            if (asked > 0) throw Failed("moved");
        }

        StorageException Failed(string outcome)
        {
            metrics.Asked(kind, outcome);
            return ShardGates.NotOwned(owner);
        }
    }
}

/// <summary>Answers calls of one kind of other nodes.</summary>
internal sealed class OwnerHandler(IShardCallHandler handler, AppliedPositions positions) : ICallHandler
{
    public int Kind => (int)handler.Kind;

    public async ValueTask<ReadOnlyMemory<byte>?> AnswerAsync(ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        if (!ShardFrame.TryRead(body, out _, out var position, out var asked)) return null;
        await positions.ReachAsync(position, AppliedPositions.LongestWait, stop);
        try
        {
            var answer = await handler.AnswerAsync(asked, stop);
            return ShardFrame.Of(positions.Position, answer);
        }
        catch (StorageException fault) when (fault.Failure == StorageFailure.NotOwned)
        {
            return ShardFrame.NotOwner(positions.Position);
        }
    }
}

/// <summary>A position before what is asked or answered; an octet says whether the node has the shard.</summary>
internal static class ShardFrame
{
    private const int Head = 1 + sizeof(long);

    public static byte[] Of(long position, ReadOnlyMemory<byte> body) => Of(1, position, body);

    public static byte[] NotOwner(long position) => Of(0, position, default);

    public static bool TryRead(
        ReadOnlyMemory<byte> framed, out bool isOwner, out long position, out ReadOnlyMemory<byte> body)
    {
        (isOwner, position, body) = (false, 0, default);
        if (framed.Length < Head) return false;
        isOwner = framed.Span[0] == 1;
        position = BinaryPrimitives.ReadInt64LittleEndian(framed.Span[1..]);
        body = framed[Head..];
        return true;
    }

    private static byte[] Of(byte isOwner, long position, ReadOnlyMemory<byte> body)
    {
        var framed = new byte[Head + body.Length];
        framed[0] = isOwner;
        BinaryPrimitives.WriteInt64LittleEndian(framed.AsSpan(1), position);
        body.CopyTo(framed.AsMemory(Head));
        return framed;
    }
}
