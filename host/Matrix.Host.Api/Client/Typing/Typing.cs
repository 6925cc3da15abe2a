using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;
using Matrix.Host.Streams.Streams.Typing;

namespace Matrix.Host.Api.Client.Typing;

/// <summary>Typing notifications. v1.19 client-server-api#typing-notifications</summary>
internal sealed class Typing(RoomSnapshots rooms, ITypingBoard board) : IEndpoints
{
    /// <summary>The default timeout.</summary>
    private static readonly TimeSpan _usual = TimeSpan.FromSeconds(30);

    public void Map(ClientRoutes routes) =>
        // v1.19 client-server-api#put_matrixclientv3roomsroomidtypinguserid
        routes.Of(RouteOwner.Room).Put(
            "rooms/{roomId}/typing/{userId}", Read, Put, new RouteOptions { Rate = RateClass.Send, IsBrief = true });

    private async ValueTask<Answer> Put(Call call, TimeSpan? typing, CancellationToken stop)
    {
        if (call["userId"] != call.Caller.UserId) return Answer.Forbidden("You can only set your own typing state.");
        if (await rooms.FindAsync(call["roomId"], stop) is not { } snapshot
            || !snapshot.Local.IsJoined(call.Caller.UserId))
        {
            return Answer.Forbidden("You are not in this room.");
        }

        return board.Set(snapshot.Room, call.Caller.UserId, typing)
            ? Answer.Empty
            : throw ShardGates.NotOwned(Authority.Room(snapshot.Room.RoomId));
    }

    /// <summary>The time that the user types for; null if they stopped.</summary>
    private static TimeSpan? Read(BodyReader body)
    {
        bool typing = body.RequiredFlag("typing");
        long? timeout = body.Number("timeout");
        if (timeout < 0) body.Refuse(MatrixError.InvalidParam, "`timeout` must not be negative.");
        if (!typing) return null;
        return timeout is { } given ? TimeSpan.FromMilliseconds(Math.Clamp(given, 0, int.MaxValue)) : _usual;
    }
}
