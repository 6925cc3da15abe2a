using Matrix.Core.Event;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage.Tables.Accounts;

namespace Matrix.Host.Rooms.Notices;

/// <summary>Sends notices of the operator, in one room for each user. v1.19 client-server-api#server-notices</summary>
public sealed class ServerNotices : IDisposable
{
    /// <summary>The type of an operator's text: the specification has types of reached limits only.</summary>
    private const string NoticeType = "matrix_hybrid.operator_notice";

    // Notices are few. One at a time, no two of them make a room for the same user.
    private readonly SemaphoreSlim _turn = new(1);

    private readonly NoticeRooms _rooms;
    private readonly RoomSender _sender;
    private readonly IAccountsTable _accountsTable;
    private readonly ILocalUsers _users;
    private readonly RoomsOptions _options;

    internal ServerNotices(
        NoticeRooms rooms, RoomSender sender, IAccountsTable accountsTable, ILocalUsers users, RoomsOptions options)
    {
        _rooms = rooms;
        _sender = sender;
        _accountsTable = accountsTable;
        _users = users;
        _options = options;
    }

    /// <summary>Sends a notice to a local user.</summary>
    /// <param name="isActive">Whether the room's pinned events name it, as the only one: clients show it until the
    /// next.</param>
    /// <returns>The event's id.</returns>
    public async ValueTask<RoomResult<string>> SendAsync(
        string userId, string text, bool isActive, CancellationToken stop)
    {
        if (await RefusalAsync(userId, text, stop) is { } refused) return refused;
        await _turn.WaitAsync(stop);
        try
        {
            var room = await _rooms.OfAsync(userId, stop);
            if (!room.IsOk) return room.Failure;
            var (snapshot, from) = room.Value;
            var roomId = snapshot.Room.RoomId;
            var content = JsonObject.OfSeq(
            [
                ("body", Json.Of(text)),
                ("msgtype", Json.Of("m.server_notice")),
                ("server_notice_type", Json.Of(NoticeType)),
            ]);
            var draft = new Draft(EventTypes.Message, null, from, content, null);
            var sent = await _sender.SendOwnAsync(roomId, draft, null, stop);
            if (!sent.IsOk || !isActive) return sent;

            var pinned = JsonObject.OfSeq([("pinned", Json.Of([Json.Of(sent.Value)]))]);
            var pin = Draft.State(EventTypes.PinnedEvents, "", from, pinned);
            var marked = await _sender.SendStateAsync(roomId, pin, null, stop);
            return marked.IsOk ? sent : marked;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private async ValueTask<RoomFailure?> RefusalAsync(string userId, string text, CancellationToken stop)
    {
        if (_options.Notices.Localpart.Length == 0)
        {
            return new RoomFailure(RoomFailureKind.BadState, "`server_notices.localpart` is empty: no notices.");
        }

        if (string.IsNullOrWhiteSpace(text))
        {
            return new RoomFailure(RoomFailureKind.MissingParam, "The notice has no text.");
        }

        var user = UserId.IsValid(userId) && RoomNames.ServerOf(userId) == _options.ServerName
            ? await _accountsTable.FindUserAsync(userId, stop)
            : null;
        if (user is null or { DeactivatedAt: not null })
        {
            return new RoomFailure(RoomFailureKind.NotFound, $"There is no user {userId} on this server.");
        }

        return await _users.UnknownAsync(_rooms.NoticesUser, stop) is null
            ? new RoomFailure(
                RoomFailureKind.BadState,
                $"{_rooms.NoticesUser} is somebody's account: choose another `server_notices.localpart`.")
            : null;
    }
}
