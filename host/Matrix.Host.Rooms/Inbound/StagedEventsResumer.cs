using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.StagedEvents;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Tells room machines their staged events again, after a start and whenever a room was read again. A room has one task
/// for that, which ends when the room's shard closes. Thread-safe.
/// </summary>
internal sealed class StagedEventsResumer(
    RoomReceiver receiver,
    RepeatedTasks tasks,
    StagedEventsTable stagedEventsTable,
    RoomsOptions options,
    TimeProvider time)
{
    /// <summary>The most rooms whose last time is remembered.</summary>
    private const int MostRooms = 1_000;

    private static readonly TimeSpan _longestPause = TimeSpan.FromSeconds(30);

    private readonly Lock _gate = new();
    private readonly Dictionary<RoomNid, OfRoom> _rooms = [];

    /// <summary>
    /// Begins to tell a room's machine its staged events. If that is under way, it is done once more. If it was done a
    /// moment ago, there is a pause before, which doubles: an event that is fetched may be what cannot be stored.
    /// </summary>
    internal void Begin(RoomIdentity room)
    {
        TimeSpan pause;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room.Nid, out var of))
            {
                if (_rooms.Count >= MostRooms) Forget();
                _rooms.Add(room.Nid, of = new OfRoom());
            }

            of.IsDue = true;
            if (of.IsRunning) return;
            of.IsRunning = true;
            pause = of.Pause = !IsRecent(of) ? TimeSpan.Zero
                : of.Pause == TimeSpan.Zero ? TimeSpan.FromMilliseconds(100)
                : of.Pause * 2 < _longestPause ? of.Pause * 2
                : _longestPause;
        }

        tasks.Run(
            room,
            async stop =>
            {
                await Task.Delay(pause, time, stop);
                return await ResumeAsync(room, stop);
            },
            closed: () =>
            {
                lock (_gate) _rooms.Remove(room.Nid);
            });
    }

    /// <summary>Tells a room its staged events. False if the room is busy, or they have to be told once more.</summary>
    private async ValueTask<bool> ResumeAsync(RoomIdentity room, CancellationToken stop)
    {
        lock (_gate) _rooms[room.Nid].IsDue = false;

        // Those that came, and those that were fetched and came then.
        var rows = await stagedEventsTable.OfRoomAsync(room.Nid, 2 * options.Receiving.Staged, stop);
        var (isFree, hasGivenUp) = await receiver.ResumeAsync(room, rows, stop);
        if (!isFree) return false;

        lock (_gate)
        {
            var of = _rooms[room.Nid];

            // The next one that cannot be stored is found as soon.
            if (hasGivenUp) of.Pause = TimeSpan.Zero;
            if (of.IsDue) return false;
            of.IsRunning = false;
            of.EndedAt = time.GetTimestamp();
            return true;
        }
    }

    private bool IsRecent(OfRoom of) => of.EndedAt > 0 && time.GetElapsedTime(of.EndedAt) < 2 * _longestPause;

    /// <summary>Forgets rooms that were done long ago. Called while the gate is held.</summary>
    private void Forget()
    {
        foreach (var (room, of) in _rooms)
        {
            if (!of.IsRunning && !IsRecent(of)) _rooms.Remove(room);
        }
    }

    /// <summary>The task of one room.</summary>
    private sealed class OfRoom
    {
        public bool IsRunning { get; set; }

        /// <summary>Whether its events have to be told once more.</summary>
        public bool IsDue { get; set; }

        /// <summary>The pause before the task began.</summary>
        public TimeSpan Pause { get; set; }

        /// <summary>When it ended; 0 if it never did.</summary>
        public long EndedAt { get; set; }
    }
}
