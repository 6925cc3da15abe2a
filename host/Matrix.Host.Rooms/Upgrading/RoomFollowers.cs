using System.Threading.Channels;
using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Rooms.Changes;
using Matrix.Host.Rooms.Commands;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Memberships;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Upgrading;

/// <summary>
/// Follows local users from a room to the one that replaces it: their settings are copied when they join, and, if they
/// joined before the tombstone came, when it comes. v1.19 client-server-api#room-upgrades
/// </summary>
/// <remarks>
/// Only commits that are waiting when the server is killed, or when the room goes to another node, lose their copies;
/// the settings stay in the old room.
/// </remarks>
public sealed partial class RoomFollowers : BackgroundService, IRestoredConsumer
{
    private readonly RoomSnapshots _rooms;
    private readonly StateReader _state;
    private readonly IRoomSettings _settings;
    private readonly IMembershipsTable _membershipsTable;
    private readonly RoomChangesReader _changes;
    private readonly RoomCommands _commands;
    private readonly ILogger<RoomFollowers> _log;
    private readonly Channel<Arrival> _arrivals;

    /// <summary>Arrivals of the batches that are being consumed; used on the writer's thread only.</summary>
    private readonly List<Arrival> _taken = [];

    internal RoomFollowers(
        RoomSnapshots rooms,
        StateReader state,
        IRoomSettings settings,
        IMembershipsTable membershipsTable,
        RoomChangesReader changes,
        RoomCommands commands,
        RoomsOptions options,
        ILogger<RoomFollowers> log)
    {
        _rooms = rooms;
        _state = state;
        _settings = settings;
        _membershipsTable = membershipsTable;
        _changes = changes;
        _commands = commands;
        _log = log;
        _arrivals = Channel.CreateBounded<Arrival>(new BoundedChannelOptions(options.MaxWaitingFollowers)
        {
            FullMode = BoundedChannelFullMode.DropWrite,
            SingleReader = true,
        });
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position) => Take(change, _taken);

    /// <inheritdoc/>
    public void End(long through)
    {
        // Not before: the worker reads the rooms as they are after the batch.
        foreach (var arrival in _taken) _arrivals.Writer.TryWrite(arrival);
        _taken.Clear();
    }

    /// <inheritdoc/>
    public void Missed(long through) => _taken.Clear();

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        var arrivals = new List<Arrival>();
        await foreach (var missed in _changes.BetweenAsync(after, through, stop))
        {
            Take(missed.Change, arrivals);
            foreach (var arrival in arrivals) await TryFollowAsync(arrival, stop);
            arrivals.Clear();
        }
    }

    /// <summary>Copies settings until it is stopped; what waits then is still copied.</summary>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var ending = stoppingToken.Register(() => _arrivals.Writer.TryComplete());
        await foreach (var arrival in _arrivals.Reader.ReadAllAsync(CancellationToken.None))
        {
            await TryFollowAsync(arrival, CancellationToken.None);
        }
    }

    private async ValueTask TryFollowAsync(Arrival arrival, CancellationToken stop)
    {
        try
        {
            await FollowAsync(arrival, stop);
        }
#pragma warning disable CA1031 // One room's failure does not keep the others' settings from being copied.
        catch (Exception fault) when (!stop.IsCancellationRequested)
#pragma warning restore CA1031
        {
            Failed(fault);
        }
    }

    /// <summary>Adds the arrivals that a change has.</summary>
    private static void Take(Change change, List<Arrival> arrivals)
    {
        switch (change)
        {
            case MembershipChanged { IsLocal: true, After: Membership.Join, Before: not Membership.Join } joined:
                arrivals.Add(new Arrival(joined.Room, joined.UserId));
                break;
            case EventsAppended appended:
                for (var i = 0; i < appended.Events.Count; i++)
                {
                    // An event that another node stored is not parsed yet.
                    if ((appended.Events[i].Row.Marks & EventMarks.State) == 0) continue;
                    if (appended.Events[i].Pdu.Type != EventTypes.Tombstone) continue;
                    arrivals.Add(new Arrival(appended.Events[i].Nid.Room, null));
                }

                break;
        }
    }

    private async ValueTask FollowAsync(Arrival arrival, CancellationToken stop)
    {
        // All nodes read of the arrival. The one that has the room asks those that have the users.
        if (await _rooms.FindAsync(arrival.Room, stop) is not { } arrived) return;
        if (!_commands.IsHere(arrived.Room.RoomId)) return;
        var (before, after) = arrival.UserId is null
            ? (arrived, await ReplacementAsync(arrived, stop))
            : (await PredecessorAsync(arrived, stop), arrived);
        if (before is null || after is null || !await AreLinkedAsync(before, after, stop)) return;
        IReadOnlyList<string> users = arrival.UserId is { } one ? [one] : after.Local.Joined;
        foreach (var userId in users)
        {
            var member = await _membershipsTable.FindAsync(before.Room.Nid, userId, stop);
            if (member?.Membership is Membership.Join or Membership.Leave)
            {
                await TryCopyAsync(userId, before, after, stop);
            }
        }
    }

    private async ValueTask TryCopyAsync(
        string userId, RoomSnapshot before, RoomSnapshot after, CancellationToken stop)
    {
        try
        {
            await _settings.CopyAsync(userId, before.Room.RoomId, after.Room.RoomId, stop);
        }
        catch (StorageException fault)
        {
            // The other users may be at other nodes.
            Failed(fault);
        }
    }

    /// <summary>
    /// Whether both rooms name each other. A room that only claims a predecessor gets nobody's settings.
    /// </summary>
    private async ValueTask<bool> AreLinkedAsync(RoomSnapshot before, RoomSnapshot after, CancellationToken stop) =>
        (await PredecessorAsync(after, stop))?.Room.Nid == before.Room.Nid
        && (await ReplacementAsync(before, stop))?.Room.Nid == after.Room.Nid;

    private async ValueTask<RoomSnapshot?> PredecessorAsync(RoomSnapshot room, CancellationToken stop)
    {
        var create = await _state.ContentAsync(room, EventTypes.Create, "", stop);
        return create?.Child("predecessor")?.Text("room_id") is { } roomId
            ? await _rooms.FindAsync(roomId, stop)
            : null;
    }

    private async ValueTask<RoomSnapshot?> ReplacementAsync(RoomSnapshot room, CancellationToken stop)
    {
        var tombstone = await _state.ContentAsync(room, EventTypes.Tombstone, "", stop);
        return tombstone?.Text("replacement_room") is { } roomId
            ? await _rooms.FindAsync(roomId, stop)
            : null;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The settings of a replaced room were not copied")]
    private partial void Failed(Exception fault);

    /// <param name="Room">The room that a user joined, or that has a tombstone.</param>
    /// <param name="UserId">The user who joined; null for a tombstone.</param>
    private readonly record struct Arrival(RoomNid Room, string? UserId);
}
