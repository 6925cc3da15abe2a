using System.Globalization;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;
using Matrix.Import.Runs;

namespace Matrix.Import.Notifying;

/// <summary>
/// Unread counts of local members, room by room. They are not copied: here they follow from receipts and marks of
/// events. Where the result is another than the count that Synapse showed, the report says so.
/// </summary>
internal sealed class UnreadPart : IImportPart
{
    private const string Rooms = "rooms";
    private const string Marks = "unread marks";
    private const string Equal = "unread counts that are as they were";
    private const string Other = "unread counts that differ";

    /// <summary>The differences that are named; further ones are counted.</summary>
    private const int MostNamed = 100;

    public string Name => "unread";

    public string Title => "unread counts";

    public IReadOnlyList<string> Tables { get; } =
    [
        "event_push_actions", "event_push_actions_staging", "event_push_summary", "event_push_summary_stream_ordering",
        "event_push_summary_last_receipt_stream_id",
    ];

    public Task<long> EstimateAsync(ImportContext context, CancellationToken stop) =>
        context.Source.NumberAsync("SELECT COUNT(*) FROM rooms", stop);

    public async Task RunAsync(ImportContext context, PartProgress progress, CancellationToken stop)
    {
        if (context.Choices.WithoutHistory) return;
        var (source, after) = (context.Source, progress.Reached ?? "");
        var summedThrough = await SourceCounts.CountedThroughAsync(source, stop);
        var completeFrom = await SourceCounts.CompleteFromAsync(source, summedThrough, stop);
        await using var receipts = new RoomRows<SourceReceipt>(
            SourceCounts.ReceiptsAsync(context, after, stop).GetAsyncEnumerator(stop), static row => row.RoomId);
        await using var actions = new RoomRows<PushAction>(
            SourceCounts.ActionsAsync(source, after, stop).GetAsyncEnumerator(stop), static row => row.RoomId);
        await using var summaries = new RoomRows<PushSummary>(
            SourceCounts.SummariesAsync(source, after, stop).GetAsyncEnumerator(stop), static row => row.RoomId);
        var rules = new RulesOfMembers(context);
        await foreach (var roomId in SourceCounts.RoomsAsync(source, after, stop))
        {
            if (await context.Target.Rooms.FindAsync(roomId, stop) is { } room)
            {
                await CarryAsync(room);
                progress.Written(Rooms);
            }

            await receipts.SkipAsync(roomId);
            await actions.SkipAsync(roomId);
            await summaries.SkipAsync(roomId);
            progress.Read(Rooms);
            await progress.SaveAsync(roomId, stop);
        }

        async ValueTask CarryAsync(RoomRow room)
        {
            var members = await MembersAsync(context, room, receipts, stop);
            if (members.Count == 0) return;
            for (; await summaries.PeekAsync(room.RoomId) is { } summary; await summaries.MoveAsync())
            {
                members.GetValueOrDefault(summary.UserId)?.Count(summary);
            }

            MemberUnread[] all = [.. members.Values];
            var own = await rules.FindAsync(room.Identity, all, stop);
            var marks = 0;
            await new RoomUnread(context, room, all, own, rules, actions, completeFrom, summedThrough).RunAsync(
                async mark =>
                {
                    progress.Add(mark);
                    marks++;

                    // After a kill the room's marks are put again, and are the same.
                    await progress.SaveAsync(progress.Reached ?? "", stop);
                },
                stop);
            progress.Written(Marks, marks);
            foreach (var member in all) Compare(progress, room, member);
        }
    }

    /// <summary>The local members of a room by their ids, with their receipts.</summary>
    private static async ValueTask<Dictionary<string, MemberUnread>> MembersAsync(
        ImportContext context, RoomRow room, RoomRows<SourceReceipt> receipts, CancellationToken stop)
    {
        var members = (await context.Target.Memberships.LocalMembersAsync(room.Nid, MembershipSet.Join, stop))
            .ToDictionary(
                static row => row.UserId,
                static row => new MemberUnread(row.UserId, row.Event, row.Position),
                StringComparer.Ordinal);
        for (; await receipts.PeekAsync(room.RoomId) is { } receipt; await receipts.MoveAsync())
        {
            members.GetValueOrDefault(receipt.UserId)?.Add(receipt);
        }

        var joined = await SourceCounts.JoinedAtAsync(
            context.Source,
            room.RoomId,
            members.Values.Where(static member => member.NeedsJoin).Select(static member => member.UserId),
            stop);
        var threads = members.Values.SelectMany(static member => member.ThreadIds).Distinct().ToArray();
        var roots = await context.Target.Events.NidsAsync(room.Nid, threads, stop);
        foreach (var member in members.Values)
        {
            member.Begin(joined.TryGetValue(member.UserId, out var at) ? at : null, roots);
        }

        return members;
    }

    private static void Compare(PartProgress progress, RoomRow room, MemberUnread member)
    {
        if (member.Here == member.There)
        {
            progress.Written(Equal);
            return;
        }

        progress.Written(Other);
        if (progress.Counts.AllLeftOut >= MostNamed) return;
        progress.LeaveOut(
            Other,
            $"{member.UserId} in {room.RoomId}",
            string.Create(
                CultureInfo.InvariantCulture,
                $"Synapse had {member.There}. By push rules and receipts there are {member.Here}."));
    }
}
