using System.Globalization;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Import.Runs;

namespace Matrix.Import.Rooms;

/// <summary>
/// The changes of one room. A room that was interrupted is read again from its beginning: the same calls come in the
/// same order, and those that an earlier run saved are skipped.
/// </summary>
/// <param name="progress">The part's progress.</param>
/// <param name="room">The room's number.</param>
/// <param name="roomId">The room.</param>
/// <param name="saved">How many calls an earlier run saved.</param>
internal sealed class RoomChanges(PartProgress progress, RoomNid room, string roomId, long saved)
{
    private long _calls;

    /// <summary>Adds a change of no particular position.</summary>
    public void Add(Change change)
    {
        if (IsNew()) progress.Add(change);
    }

    /// <summary>Adds a change of the past.</summary>
    public void Add(Change change, long position, long? at = null)
    {
        if (IsNew()) progress.Add(change, position, at);
    }

    public void Read(string kind, long rows = 1)
    {
        if (IsNew()) progress.Read(kind, rows);
    }

    public void Written(string kind, long things = 1)
    {
        if (IsNew()) progress.Written(kind, things);
    }

    public void LeaveOut(string kind, string subject, string reason)
    {
        if (IsNew()) progress.LeaveOut(kind, subject, reason);
    }

    /// <summary>A safe point inside the room.</summary>
    public ValueTask SaveAsync(CancellationToken stop) => _calls <= saved
        ? ValueTask.CompletedTask
        : progress.SaveAsync(new RoomsReached(_calls, room.Value, roomId).ToText(), stop);

    /// <summary>The room is complete.</summary>
    public ValueTask EndAsync(CancellationToken stop) =>
        progress.SaveAsync(new RoomsReached(RoomsReached.All, room.Value, roomId).ToText(), stop);

    private bool IsNew() => _calls++ >= saved;
}

/// <summary>How far the rooms have come.</summary>
/// <param name="Calls">The calls that are saved of the last room; <see cref="All"/> if it is complete.</param>
/// <param name="Room">The number of the last room.</param>
/// <param name="RoomId">The last room.</param>
internal readonly record struct RoomsReached(long Calls, int Room, string RoomId)
{
    public const long All = -1;

    public static RoomsReached Of(string? text)
    {
        if (text?.Split(' ', 3) is not [var calls, var room, var roomId]) return new RoomsReached(All, 0, "");
        return new RoomsReached(
            long.Parse(calls, CultureInfo.InvariantCulture), int.Parse(room, CultureInfo.InvariantCulture), roomId);
    }

    public string ToText() => string.Create(CultureInfo.InvariantCulture, $"{Calls} {Room} {RoomId}");
}
