using Matrix.Core.Room.Incoming;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// The history for the machine of a room in which only this server makes events: its decisions need no look-up, and a
/// look-up would block the lane.
/// </summary>
internal sealed class LocalHistory : IRoomHistory
{
    internal static LocalHistory Instance { get; } = new();

    public KnownEvent? Known(string eventId) => throw LooksUp(eventId);

    public IEnumerable<string> Citing(string eventId) => throw LooksUp(eventId);

    public IEnumerable<string> Following(string eventId) => throw LooksUp(eventId);

    public IReadOnlyList<string> Servers() => [];

    private static InvalidOperationException LooksUp(string eventId) =>
        new($"A decision about a local event looked up {eventId}.");
}
