using System.Text.Json;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Rooms.Jobs;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Jobs;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.Rooms;

namespace Matrix.Host.Rooms.Administration;

/// <summary>
/// Deletes messages that are older than their room keeps them (MSC1763), and rooms that all local members left long
/// ago, as a job for the whole server.
/// </summary>
public sealed class Retention(
    RoomSnapshots rooms,
    StateReader state,
    HistoryPurger purger,
    RoomDeletion deletion,
    JobList jobs,
    RoomsTable roomsTable,
    IEventsTable eventsTable,
    IMembershipsTable membershipsTable,
    ShardGates gates,
    RetentionOptions options,
    TimeProvider time) : DutyService(JobList.Duty, gates), IJobKind
{
    /// <summary>The kind of these jobs.</summary>
    public const string Kind = "retention";

    private const string StateType = "m.room.retention";

    /// <summary>The most rooms without anything to delete that are looked at in one step.</summary>
    private const int RoomsAtOnce = 100;

    private sealed record Progress(int Room, long After, long Purged);

    /// <inheritdoc/>
    public string Name => Kind;

    /// <summary>Begins a job at each interval until it is stopped.</summary>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        if (!options.IsOn) return;
        using var timer = new PeriodicTimer(options.Interval, time);
        do
        {
            try
            {
                await BeginAsync(stop);
            }
            catch (StorageException)
            {
                // The next interval begins one.
            }
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    /// <summary>Begins a job, unless one goes on.</summary>
    internal async ValueTask<RoomResult<JobRow>> BeginAsync(CancellationToken stop) =>
        await jobs.BeginAsync(Kind, "", JobList.Server, ReadOnlyMemory<byte>.Empty, [], stop);

    /// <inheritdoc/>
    public async ValueTask<JobStep> StepAsync(JobRow job, CancellationToken stop)
    {
        var progress = job.Progress.IsEmpty
            ? new Progress(0, 0, 0)
            : JsonSerializer.Deserialize<Progress>(job.Progress.Span)!;
        var page = await roomsTable.ListAsync(new RoomNid(progress.Room), RoomsAtOnce, stop);
        foreach (var row in page)
        {
            var passed = new Progress(row.Nid.Value, 0, progress.Purged);
            if (await rooms.FindAsync(row.Nid, stop) is not { } room
                || await IsLeftAsync(room, stop)
                || await LifetimeAsync(room, stop) is not { } lifetime)
            {
                progress = passed;
                continue;
            }

            var oldest = time.GetUtcNow().Subtract(lifetime).ToUnixTimeMilliseconds();
            var after = progress.After == 0 ? HistoryPurger.StartOf(row.Nid) : new EventNid(progress.After);
            var last = EventNid.Of(row.Nid, row.Header.LastOrdinal);
            var part = await purger.StepAsync(room, after, last, deletesLocal: true, oldest, stop);
            progress = progress with { After = part.Through.Value, Purged = progress.Purged + part.Purged };

            // A whole page of younger messages: the rest is younger too, but for servers with wrong clocks.
            if (!part.IsLast && part.Purged > 0) return StepOf(progress, hasEnded: false);
            if (part.Purged > 0 || after != HistoryPurger.StartOf(row.Nid))
            {
                await purger.EndAsync(row.Nid, part.Purged > 0 ? part.Through : after, stop);
            }

            return StepOf(passed with { Purged = progress.Purged }, hasEnded: false);
        }

        return StepOf(progress, hasEnded: page.Count < RoomsAtOnce);
    }

    /// <summary>How long a room's messages are kept; null for ever.</summary>
    internal async ValueTask<TimeSpan?> LifetimeAsync(RoomSnapshot room, CancellationToken stop)
    {
        if (options.FollowsRooms
            && await state.ContentAsync(room, StateType, "", stop) is { } content
            && content.Number("max_lifetime") is { } longest and > 0
            && (content.Number("min_lifetime") ?? 0) <= longest)
        {
            var wanted = TimeSpan.FromMilliseconds(Math.Min(longest, TimeSpan.MaxValue.TotalMilliseconds / 2));
            return wanted < options.Shortest ? options.Shortest
                : wanted > options.Longest ? options.Longest
                : wanted;
        }

        return options.Usual;
    }

    /// <summary>Whether all local members left the room long ago; its deletion begins then.</summary>
    private async ValueTask<bool> IsLeftAsync(RoomSnapshot room, CancellationToken stop)
    {
        if (options.EmptyRooms is not { } kept || room.IsResident) return false;
        var members = await membershipsTable.LocalMembersAsync(room.Room.Nid, MembershipSet.Any, stop);
        if (members.Any(static member => member.Membership is Membership.Invite or Membership.Knock)) return false;
        foreach (var member in members)
        {
            var left = await eventsTable.FindAsync(member.Event, stop);
            if (left is null) continue;
            var at = new StoredEvent(room.Room, left).OriginServerTs;
            if (at > time.GetUtcNow().Subtract(kept).ToUnixTimeMilliseconds()) return false;
        }

        await deletion.BeginAsync(JobList.Server, room.Room.RoomId, blocks: false, new RoomDeletionWish(), [], stop);
        return true;
    }

    private static JobStep StepOf(Progress progress, bool hasEnded) =>
        new(progress.Purged, 0, JsonSerializer.SerializeToUtf8Bytes(progress), hasEnded);
}
