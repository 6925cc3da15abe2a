using Matrix.Core.Room.Incoming;

namespace Matrix.Host.Rooms.Lanes;

/// <summary>
/// The history behind the machine of a room in which only this server makes events: none of its decisions needs a look-up, and one that did would
/// block its lane.
/// </summary>
internal sealed class LocalHistory : IRoomHistory
{
    internal static LocalHistory Instance { get; } = new();

    public KnownEvent? Known(string eventId) => throw LooksUp(eventId);

    public IEnumerable<string> Citing(string eventId) => throw LooksUp(eventId);

    public IEnumerable<string> Following(string eventId) => throw LooksUp(eventId);

    public IReadOnlyList<string> Servers() => [];

    private static InvalidOperationException LooksUp(string eventId) => new($"An event made here looked up {eventId}.");
}
