using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.StagedEvents;
using Microsoft.Extensions.Logging;

namespace Matrix.Host.Rooms.Inbound;

/// <summary>
/// Tells room machines their staged events again, after a start and whenever a room was read again. A room has one task
/// for that. If its events cannot be stored, they are told one by one, and those that fail alone are given up.
/// Thread-safe.
/// </summary>
internal sealed partial class StagedEventsResumer(
    RoomReceiver receiver,
    MissingEventsFetcher fetcher,
    IStorage storage,
    RoomsOptions options,
    TimeProvider time,
    ILogger log)
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

        fetcher.Run(room, async stop =>
        {
            await Task.Delay(pause, time, stop).ConfigureAwait(false);
            return await ResumeAsync(room, stop).ConfigureAwait(false);
        });
    }

    /// <summary>Tells a room its staged events. False if the room is busy, or they have to be told once more.</summary>
    private async ValueTask<bool> ResumeAsync(RoomIdentity room, CancellationToken stop)
    {
        lock (_gate) _rooms[room.Nid].IsDue = false;

        // Those that came, and those that were fetched and came then.
        var rows = await storage.StagedEvents.OfRoomAsync(
            room.Nid, 2 * options.Receiving.Staged, stop).ConfigureAwait(false);
        try
        {
            var isFree = await receiver.ResumeAsync(room, rows, areAll: true, static _ => { }, stop)
                .ConfigureAwait(false);
            if (!isFree) return false;
        }
        catch (StorageException refused) when (refused.Failure == StorageFailure.Rejected)
        {
            NotStored(refused, room.RoomId);
            await OneByOneAsync(room, rows, stop).ConfigureAwait(false);

            // The room was read again: its machine does not know the others.
            return false;
        }

        lock (_gate)
        {
            var of = _rooms[room.Nid];
            if (of.IsDue) return false;
            of.IsRunning = false;
            of.EndedAt = time.GetTimestamp();
            return true;
        }
    }

    /// <summary>
    /// Tells staged events alone, the earliest first, so that none is decided with one that follows it. One is given up
    /// if it is all that a refused batch decides.
    /// </summary>
    private async ValueTask OneByOneAsync(RoomIdentity room, IReadOnlyList<StagedEventRow> rows, CancellationToken stop)
    {
        foreach (var row in rows.OrderBy(row => Depth(room, row)))
        {
            string[] decided = [];
            try
            {
                // If the room is busy, the next attempt tells it with the others.
                _ = await receiver.ResumeAsync(room, [row], areAll: false, ids => decided = ids, stop)
                    .ConfigureAwait(false);
            }
            catch (StorageException refused) when (refused.Failure == StorageFailure.Rejected)
            {
                // Of several, any may be the cause: they stay.
                if (decided is not [var only] || only != row.EventId) continue;
                await receiver.GiveUpAsync(room, row.EventId, stop).ConfigureAwait(false);
            }
        }
    }

    private static long Depth(RoomIdentity room, StagedEventRow row) =>
        room.Rules.ReadReceived(row.Json) is { IsOk: true, Value: var read } ? read.Pdu.Depth : 0;

    private bool IsRecent(OfRoom of) => of.EndedAt > 0 && time.GetElapsedTime(of.EndedAt) < 2 * _longestPause;

    /// <summary>Forgets rooms that were done long ago. Called while the gate is held.</summary>
    private void Forget()
    {
        foreach (var (room, of) in _rooms)
        {
            if (!of.IsRunning && !IsRecent(of)) _rooms.Remove(room);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Staged events of {RoomId} were not stored: each is told alone")]
    private partial void NotStored(Exception fault, string roomId);

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
