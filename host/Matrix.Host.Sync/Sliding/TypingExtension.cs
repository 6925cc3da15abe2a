using Matrix.Core.Sync;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Notifying;
using Matrix.Host.Streams.Streams;
using Matrix.Host.Sync.V3;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Typing users of the rooms that the client has. MSC3961.</summary>
internal sealed class TypingExtension(Notifier notifier, ITypingBoard board) : ISlidingExtension
{
    public string Name => "typing";

    public ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var json = pass.Json;
        var isOpen = false;
        foreach (var match in ExtensionRooms.Of(pass, request))
        {
            if (match.Room is not { Membership: Membership.Join, Nid: { } nid }) continue;
            var hasChanged = HasChanged(pass, match);
            var typing = board.In(nid).Where(user => !pass.Ignored.Contains(user)).ToList();

            // A client that comes to a room needs to know of those who type already.
            var isNew = pass.Base.Rooms.GetValueOrDefault(match.Room.RoomId) is not { IsFull: true };
            if (!hasChanged && (!isNew || typing.Count == 0)) continue;
            if (!isOpen)
            {
                json.WriteStartObject(Name);
                json.WriteStartObject("rooms"u8);
                isOpen = true;
            }

            json.WriteStartObject(match.Room.RoomId);
            json.WriteStartObject("content"u8);
            json.WriteStrings("user_ids"u8, typing);
            json.WriteEndObject();
            json.WriteString("type"u8, "m.typing"u8);
            json.WriteEndObject();
        }

        if (isOpen)
        {
            pass.HasNews = true;
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return ValueTask.CompletedTask;
    }

    private bool HasChanged(SlidingPass pass, RoomMatch match)
    {
        if (pass.Base.Pos is not { } pos) return false;
        return match.Parts is { } parts
            ? (parts & RoomParts.Typing) != 0
            : notifier.Room(match.Room.Nid!.Value)?.LastTyping > pos.Token.EphemeralIn(pass.Epoch);
    }
}
