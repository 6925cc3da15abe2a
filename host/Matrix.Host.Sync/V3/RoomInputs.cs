using System.Runtime.CompilerServices;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams.Receipts;
using Matrix.Host.Streams.Streams.Timelines;

namespace Matrix.Host.Sync.V3;

/// <summary>A room that may have news for the client, before it is read.</summary>
/// <param name="Parts">The parts that may have changed.</param>
internal sealed record RoomToRead(RoomNid Room, string RoomId, RoomParts Parts)
{
    /// <summary>Receipts since the token, if they were read for several rooms at once.</summary>
    public IReadOnlyList<ReceiptMark>? Receipts { get; init; }

    /// <summary>The user's account data in the room since the token.</summary>
    public IReadOnlyList<AccountDataRow> AccountData { get; init; } = [];
}

/// <summary>Reads rooms for a response, some at a time: those that were written are not kept.</summary>
internal sealed class RoomInputs(ReceiptReader receiptReader, RoomSnapshots rooms, RoomPositions positions)
{
    /// <summary>The rooms that are read at once.</summary>
    private const int AtOnce = 64;

    /// <summary>The rooms, in the same order. Those that were deleted meanwhile are left out.</summary>
    public async IAsyncEnumerable<(RoomToRead Pending, RoomInput Input)> ReadAsync(
        SyncPass pass, IEnumerable<RoomToRead> pending, [EnumeratorCancellation] CancellationToken stop)
    {
        foreach (var some in pending.Chunk(AtOnce))
        {
            var snapshots = (await rooms.FindManyAsync([.. some.Select(each => each.Room)], stop))
                .ToDictionary(snapshot => snapshot.Room.Nid);
            var ends = await positions.AtAsync(snapshots.Values, pass.UpTo, stop);
            var befores = pass.IsInitial
                ? null
                : await BeforesAsync(pass, snapshots, stop);
            var receipts = await ReceiptsAsync(pass, some, stop);
            foreach (var each in some)
            {
                if (!snapshots.TryGetValue(each.Room, out var snapshot)) continue;
                var ofRoom = each.Receipts;
                if (receipts is not null) ofRoom ??= receipts.GetValueOrDefault(each.Room) ?? [];
                yield return (each, new RoomInput
                {
                    Snapshot = snapshot,
                    Parts = each.Parts,
                    End = ends[each.Room],
                    Before = befores?[each.Room],
                    Receipts = ofRoom,
                    AccountData = each.AccountData,
                });
            }
        }
    }

    /// <summary>The rooms at the client's token.</summary>
    private async ValueTask<Dictionary<RoomNid, RoomPosition>> BeforesAsync(
        SyncPass pass, Dictionary<RoomNid, RoomSnapshot> snapshots, CancellationToken stop)
    {
        if (pass.Reached is null) return await positions.AtAsync(snapshots.Values, pass.SincePosition, stop);
        var befores = new Dictionary<RoomNid, RoomPosition>(snapshots.Count);
        foreach (var some in snapshots.GroupBy(each => pass.SinceIn(each.Key), static each => each.Value))
        {
            foreach (var (room, before) in await positions.AtAsync([.. some], some.Key, stop)) befores[room] = before;
        }

        return befores;
    }

    /// <summary>Receipts of several rooms in one query; null if they are read one by one, from memory mostly.</summary>
    private async ValueTask<Dictionary<RoomNid, List<ReceiptMark>>?> ReceiptsAsync(
        SyncPass pass, RoomToRead[] some, CancellationToken stop) =>
        pass.IsInitial || pass.Request.FullState
            ? await receiptReader.StoredAsync(
                [.. some.Select(each => each.Room)], pass.SinceReceipts, pass.UpTo, stop)
            : null;
}
