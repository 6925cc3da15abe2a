using Matrix.Core.Auth;
using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Core.Push;
using Matrix.Host.Rooms.Notifications;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Import.Notifying;

/// <summary>
/// The outcome of the server's push rules for most members, for the events of an imported room. Who has the power to
/// notify the room is read from its present state: which matters to `@room` only.
/// </summary>
internal sealed class NotifyClasses
{
    private readonly RoomIdentity _room;
    private readonly int _joined;
    private readonly List<AuthEvent> _known = new(2);
    private readonly JsonObject? _notifications;

    /// <param name="room">The room.</param>
    /// <param name="joined">The joined members, those of other servers included.</param>
    /// <param name="create">The room's create event; null if it is missing.</param>
    /// <param name="powerLevels">The power levels of the present state; null if there are none.</param>
    public NotifyClasses(RoomIdentity room, int joined, StoredEvent? create, StoredEvent? powerLevels)
    {
        (_room, _joined) = (room, joined);
        if (create is not null) _known.Add(create.Auth);
        if (powerLevels is null) return;
        _known.Add(powerLevels.Auth);
        var content = powerLevels.Pdu.Content;
        _notifications = content.IndexOf("notifications") is var at and >= 0
            ? (content.Value(at) as Json.Object)?.Item
            : null;
    }

    /// <summary>The event as push rules see it.</summary>
    public PushEvent PushOf(Pdu pdu) => new(pdu, _joined, _room.Rules.PowerOf(_known, pdu.Sender), _notifications);

    /// <summary>The event's notify class.</summary>
    public int Of(Pdu pdu) => Ruleset.ForMost(PushOf(pdu)).Notifies ? PushEvaluation.NotifiesMost : 0;
}
