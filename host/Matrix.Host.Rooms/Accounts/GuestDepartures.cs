using System.Globalization;
using Matrix.Host.Rooms.Lanes;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Storage.Tables.Guests;
using Matrix.Host.Storage.Tables.Rooms;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Accounts;

/// <summary>
/// Makes local guests leave a room whose `m.room.guest_access` no longer admits them.
/// v1.19 client-server-api#guest-access. The change of the room writes a row, which is deleted when its guests have
/// left: failures are retried, and the next start continues.
/// </summary>
public sealed partial class GuestDepartures : DutyService, IChangeConsumer
{
    private const int PageSize = 100;
    private static readonly Authority _duty = Authority.Duty("guest departures");
    private static readonly TimeSpan _firstPause = TimeSpan.FromSeconds(1);

    private readonly RoomMemberships _memberships;
    private readonly RoomSnapshots _rooms;
    private readonly StateReader _state;
    private readonly IGuestsTable _guestsTable;
    private readonly IStorageWriter _writer;
    private readonly RoomsOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger<GuestDepartures> _log;
    private readonly SemaphoreSlim _news = new(1, 1);
    private long _ended;
    private bool _hasNews;

    internal GuestDepartures(
        RoomMemberships memberships,
        RoomSnapshots rooms,
        StateReader state,
        IGuestsTable guestsTable,
        IStorageWriter writer,
        ShardGates gates,
        RoomsOptions options,
        TimeProvider time,
        ILogger<GuestDepartures> log)
        : base(_duty, gates)
    {
        (_memberships, _rooms, _state) = (memberships, rooms, state);
        (_guestsTable, _writer, _options, _time, _log) = (guestsTable, writer, options, time, log);
        _ended = writer.PublishedPosition;
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (change is StateChanged changed && changed.ChangeOf(GuestAccess.EventType, "") is not null) _hasNews = true;
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        Volatile.Write(ref _ended, through);
        if (!_hasNews) return;
        _hasNews = false;
        Wake();
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        Volatile.Write(ref _ended, through);
        Wake();
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _news.Dispose();
        base.Dispose();
    }

    /// <summary>Makes guests leave until it is stopped, beginning with the changes of earlier runs.</summary>
    protected override async Task WorkAsync(CancellationToken stop)
    {
        var pause = _firstPause;
        while (true)
        {
            await _news.WaitAsync(stop);
            if (await RoundAsync(stop))
            {
                pause = _firstPause;
                continue;
            }

            Wake();
            await Task.Delay(pause, _time, stop);
            pause = pause * 2 < _options.LongestDeparturePause ? pause * 2 : _options.LongestDeparturePause;
        }
    }

    /// <summary>Tries each room once. Returns whether no guest is left in any of them.</summary>
    internal async ValueTask<bool> RoundAsync(CancellationToken stop)
    {
        var (finished, after) = (true, new RoomNid(0));
        while (true)
        {
            try
            {
                var page = await _guestsTable.ChangedRoomsAsync(after, PageSize, stop);
                foreach (var change in page)
                {
                    // The rooms in memory are as they were after this position. A later change wakes the worker again.
                    if (change.Position > Volatile.Read(ref _ended)) continue;
                    if (await TryReadableAsync(change, stop) is not { } failure) continue;
                    NotLeft(failure.UserId, failure.RoomId, failure.Reason);
                    finished = false;
                }

                if (page.Count < PageSize) return finished;
                after = page[^1].Room;
            }
            catch (StorageException fault)
            {
                NotLeft("", "", fault.Message);
                return false;
            }
        }
    }

    /// <summary>The same as <see cref="TryAsync"/>. A room that cannot be read does not keep others waiting.</summary>
    private async ValueTask<(string UserId, string RoomId, string Reason)?> TryReadableAsync(
        GuestAccessChange change, CancellationToken stop)
    {
        try
        {
            return await TryAsync(change, stop);
        }
        catch (StorageException fault)
        {
            return ("", string.Create(CultureInfo.InvariantCulture, $"{change.Room}"), fault.Message);
        }
    }

    /// <summary>The guests of one room leave it. Returns one who could not; null if there is none.</summary>
    private async ValueTask<(string UserId, string RoomId, string Reason)?> TryAsync(
        GuestAccessChange change, CancellationToken stop)
    {
        (string UserId, string RoomId, string Reason)? failure = null;
        if (await _rooms.FindAsync(change.Room, stop) is { } room
            && !GuestAccess.IsOpen(
                await _state.ContentAsync(room, GuestAccess.EventType, "", stop)))
        {
            foreach (var members in room.Local.Joined.Chunk(PageSize))
            {
                foreach (var guest in await _guestsTable.AmongAsync(members, stop))
                {
                    if (await LeaveAsync(guest, room.Room.RoomId, stop) is { } reason)
                    {
                        failure = (guest, room.Room.RoomId, reason);
                    }
                }
            }
        }

        if (failure is null)
        {
            await _writer.WriteAsync(new WriteBatch(_duty, 1).Add(new GuestAccessHandled(change)), stop);
        }

        return failure;
    }

    /// <summary>Why the guest could not leave; null if they did.</summary>
    private async ValueTask<string?> LeaveAsync(string guest, string roomId, CancellationToken stop)
    {
        try
        {
            return (await _memberships.LeaveAsync(guest, roomId, null, stop, isDeparture: true))
                ?.Message;
        }
        catch (Exception fault) when (fault is StorageException or LaneBusyException)
        {
            return fault.Message;
        }
    }

    private void Wake()
    {
        try
        {
            if (_news.CurrentCount == 0) _news.Release();
        }
        catch (Exception late) when (late is SemaphoreFullException or ObjectDisposedException)
        {
            // Already awake, or disposed.
        }
    }

    [LoggerMessage(
        Level = LogLevel.Warning,
        Message = "The guest {UserId} could not leave the room {RoomId}; the server will retry: {Reason}")]
    private partial void NotLeft(string userId, string roomId, string reason);
}
