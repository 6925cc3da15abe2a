using Matrix.Core.Event;
using Matrix.Core.Facade;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.AccountData;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.ServerNotices;

namespace Matrix.Host.Rooms.Notices;

/// <summary>
/// Sends notices of the operator, in one room for each user. The room is made with its mark and its tag in one
/// transaction, so that a user never gets a second one. v1.19 client-server-api#server-notices
/// </summary>
public sealed class ServerNotices(
    RoomCreator creator,
    RoomSender sender,
    RoomMemberships memberships,
    RoomSnapshots rooms,
    StateReader state,
    IMembershipsTable membershipsTable,
    IAccountsTable accountsTable,
    IAccountDataTable accountDataTable,
    ServerNoticesTable serverNoticesTable,
    IStorageWriter writer,
    ILocalUsers users,
    RoomsOptions options) : IDisposable
{
    private const string Tags = "tags";
    private const string Tag = "m.server_notice";

    /// <summary>The type of an operator's text: the specification has types of reached limits only.</summary>
    private const string NoticeType = "matrix_hybrid.operator_notice";

    /// <summary>Members may read, and change nothing.</summary>
    private const long MemberLevel = -10;

    // Notices are few. One at a time, no two of them make a room for the same user.
    private readonly SemaphoreSlim _turn = new(1);

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
            var room = await RoomOfAsync(userId, stop);
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
            var sent = await sender.AppendAsync(roomId, draft, null, null, null, stop);
            if (!sent.IsOk || !isActive) return sent;

            var pinned = JsonObject.OfSeq([("pinned", Json.Of([Json.Of(sent.Value)]))]);
            var pin = Draft.State(EventTypes.PinnedEvents, "", from, pinned);
            var marked = await sender.SendStateAsync(roomId, pin, null, stop);
            return marked.IsOk ? sent : marked;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private string NoticesUser => $"@{options.Notices.Localpart}:{options.ServerName}";

    private async ValueTask<RoomFailure?> RefusalAsync(string userId, string text, CancellationToken stop)
    {
        if (options.Notices.Localpart.Length == 0)
        {
            return new RoomFailure(RoomFailureKind.BadState, "`server_notices.localpart` is empty: no notices.");
        }

        if (string.IsNullOrWhiteSpace(text))
        {
            return new RoomFailure(RoomFailureKind.MissingParam, "The notice has no text.");
        }

        var user = UserId.IsValid(userId) && RoomNames.ServerOf(userId) == options.ServerName
            ? await accountsTable.FindUserAsync(userId, stop)
            : null;
        if (user is null or { DeactivatedAt: not null })
        {
            return new RoomFailure(RoomFailureKind.NotFound, $"There is no user {userId} on this server.");
        }

        return await users.UnknownAsync(NoticesUser, stop) is null
            ? new RoomFailure(
                RoomFailureKind.BadState,
                $"{NoticesUser} is somebody's account: choose another `server_notices.localpart`.")
            : null;
    }

    /// <summary>The user's room, to which they are invited or joined, and the user who sends there.</summary>
    private async ValueTask<RoomResult<(RoomSnapshot Room, string Sender)>> RoomOfAsync(
        string userId, CancellationToken stop)
    {
        if (await serverNoticesTable.FindAsync(userId, stop) is not { } nid)
        {
            var made = await CreateAsync(userId, stop);
            if (!made.IsOk) return made.Failure;
            return await rooms.FindAsync(made.Value, stop) is { } created
                ? (created, NoticesUser)
                : RoomFailure.Unknown;
        }

        if (await rooms.FindAsync(nid, stop) is not { } snapshot) return RoomFailure.Unknown;

        // The name of the configuration may have changed since.
        var create = await state.EventAsync(snapshot, EventTypes.Create, "", stop);
        var from = create?.Row.Sender ?? NoticesUser;
        var member = await membershipsTable.FindAsync(nid, userId, stop);
        if (member?.Membership is not (Membership.Join or Membership.Invite)
            && await memberships.InviteAsync(
                from, snapshot.Room.RoomId, userId, null, stop) is { } failure)
        {
            return failure;
        }

        await TagAgainAsync(userId, nid, stop);
        return (snapshot, from);
    }

    private ValueTask<RoomResult<string>> CreateAsync(string userId, CancellationToken stop) => creator.CreateAsync(
        new RoomRequest
        {
            Creator = NoticesUser,
            Preset = Preset.PrivateChat,
            Name = options.Notices.RoomName,
            Invites = [userId],
            CreationContent = JsonObject.OfSeq([("m.federate", Json.Of(false))]),
            PowerLevelOverride = JsonObject.OfSeq([("users_default", Json.Of(MemberLevel))]),
            Requires = room => new NoticeRoomMade(userId, room),
            Writes = room => TagPut(userId, room, JsonObject.Empty),
        },
        stop);

    /// <summary>Gives the room its tag again if a client took it away.</summary>
    private async ValueTask TagAgainAsync(string userId, RoomNid room, CancellationToken stop)
    {
        var row = await accountDataTable.FindAsync(userId, room, EventTypes.Tag, stop);
        var tags = row is not null
            && JsonText.TryParseStored(row.Content.Span, out var content)
            && JsonText.TryGet(content, Tags, out var value)
            && value is Json.Object { Item: var known }
                ? known
                : JsonObject.Empty;
        if (tags.Has(Tag)) return;
        await writer.WriteAsync(new WriteBatch(1).Add(TagPut(userId, room, tags)), stop);
    }

    private static AccountDataPut TagPut(string userId, RoomNid room, JsonObject others)
    {
        var tags = others.With(Tag, Json.Of(JsonObject.Empty));
        var content = JsonObject.OfSeq([(Tags, Json.Of(tags))]);
        return new AccountDataPut(userId, room, EventTypes.Tag, CanonicalJson.Bytes(Json.Of(content)));
    }
}
