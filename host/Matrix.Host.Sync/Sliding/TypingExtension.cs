using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Matrix.Core.Sync;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Sync.Sliding;

/// <summary>Typing users of the rooms that the client has. MSC3961.</summary>
internal sealed class TypingExtension(ITypingBoard board) : ISlidingExtension
{
    public string Name => "typing";

    public ValueTask WriteAsync(SlidingPass pass, ExtensionRequest request, CancellationToken stop)
    {
        var json = pass.Json;
        var isOpen = false;
        foreach (var match in ExtensionRooms.Of(pass, request))
        {
            if (match.Room is not { Membership: Membership.Join, Nid: { } nid }) continue;
            var roomId = match.Room.RoomId;
            var sent = pass.SentOf(roomId)!;
            var typing = board.Shown(nid, pass.Ignored);

            // Users may have stopped while no window had the room, or while the server was down.
            var hash = HashOf(typing);
            var isNew = pass.Base.Rooms.GetValueOrDefault(roomId) is not { IsFull: true, Membership: Membership.Join };
            if (hash == sent.Typing && (!isNew || typing.Count == 0)) continue;
            pass.Next.Rooms[roomId] = sent with { Typing = hash };
            if (!isOpen)
            {
                json.WriteStartObject(Name);
                json.WriteStartObject("rooms"u8);
                isOpen = true;
            }

            json.WriteStartObject(roomId);
            TypingFormat.Write(json, typing);
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

    private static long HashOf(List<string> users) => users.Count == 0
        ? 0
        : BinaryPrimitives.ReadInt64LittleEndian(
            SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', users.Order(StringComparer.Ordinal)))));
}
