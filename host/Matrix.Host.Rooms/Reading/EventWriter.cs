using Matrix.Core.Event;
using Matrix.Core.Json;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Events;

namespace Matrix.Host.Rooms.Reading;

/// <summary>Writes events for one reader.</summary>
/// <param name="Reader">The reader.</param>
/// <param name="Now">The time at which the events have their `age`, in milliseconds since the epoch.</param>
public readonly record struct EventWriter(UserDevice Reader, long Now)
{
    /// <summary>Writes an event.</summary>
    /// <param name="output">The buffer.</param>
    /// <param name="stored">The event.</param>
    /// <param name="extras">Its extras.</param>
    /// <param name="withRoomId">Whether it has `room_id`.</param>
    public void Write(ByteBuffer output, StoredEvent stored, in EventExtras extras, bool withRoomId)
    {
        var parts = new UnsignedParts
        {
            HasAge = true,
            Age = Math.Max(0, Now - stored.OriginServerTs),
            PrevContent = extras.PrevContent,
            ReplacesState = extras.ReplacesState,
            Membership = extras.Membership,
            Relations = extras.Relations,
        };
        if (stored.Row.Transaction is { } sent
            && sent.DeviceId == Reader.DeviceId
            && stored.Row.Sender == Reader.UserId)
        {
            parts.TransactionId = sent.TransactionId;
        }

        if (extras.RedactedBecause is { } redaction)
        {
            using var inner = new ByteBuffer(1024);
            Write(inner, redaction, default, withRoomId);
            parts.RedactedBecause = inner.ToArray();
        }

        ClientEvent.Write(output, stored.ClientForm, withRoomId ? stored.Room.RoomId : null, in parts);
    }
}
