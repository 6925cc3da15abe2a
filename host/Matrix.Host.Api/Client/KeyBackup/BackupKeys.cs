using System.Globalization;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Rooms.Reading;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Users.KeyBackup;

namespace Matrix.Host.Api.Client.KeyBackup;

/// <summary>Session keys in backups: `/room_keys/keys`. v1.19 client-server-api#server-side-key-backups</summary>
internal sealed class BackupKeys(KeyBackups backups) : IEndpoints
{
    private const string All = "room_keys/keys";
    private const string OfRoom = "room_keys/keys/{roomId}";
    private const string OfSession = "room_keys/keys/{roomId}/{sessionId}";

    /// <summary>A session's key before its room and session are known.</summary>
    private delegate BackupKeyRow Placed(Call call);

    public void Map(ClientRoutes routes)
    {
        var large = new RouteOptions { Body = BodyLimit.Large, OpenToSuspended = true };
        // v1.19 client-server-api#put_matrixclientv3room_keyskeys
        routes.Of(RouteOwner.Nobody).Put(All, ReadRooms, Put, large);
        // v1.19 client-server-api#put_matrixclientv3room_keyskeysroomid
        routes.Of(RouteOwner.Nobody).Put(OfRoom, body => ReadSessions(body, call => call["roomId"]), Put, large);
        // v1.19 client-server-api#put_matrixclientv3room_keyskeysroomidsessionid
        routes.Of(RouteOwner.Nobody).Put(
            OfSession,
            body => (List<Placed>)[ReadSession(body, call => call["roomId"], call => call["sessionId"])],
            Put,
            large);

        var whole = RouteOptions.Default with { IsLarge = true };
        // v1.19 client-server-api#get_matrixclientv3room_keyskeys
        routes.Of(RouteOwner.Nobody).Get(
            All, ReadVersion, (call, version, stop) => Get(call, version, WriteRoomsAsync, stop), whole);
        // v1.19 client-server-api#get_matrixclientv3room_keyskeysroomid
        routes.Of(RouteOwner.Nobody).Get(
            OfRoom, ReadVersion, (call, version, stop) => Get(call, version, WriteSessionsAsync, stop), whole);
        // v1.19 client-server-api#get_matrixclientv3room_keyskeysroomidsessionid
        routes.Of(RouteOwner.Nobody).Get(OfSession, ReadVersion, GetSession);

        // v1.19 client-server-api#delete_matrixclientv3room_keyskeys
        routes.Of(RouteOwner.Nobody).Delete(All, Delete, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#delete_matrixclientv3room_keyskeysroomid
        routes.Of(RouteOwner.Nobody).Delete(OfRoom, Delete, RouteOptions.AlsoSuspended);
        // v1.19 client-server-api#delete_matrixclientv3room_keyskeysroomidsessionid
        routes.Of(RouteOwner.Nobody).Delete(OfSession, Delete, RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> Put(Call call, List<Placed> keys, CancellationToken stop)
    {
        var version = call.Query.RequiredText("version");
        if (call.Query.Problem is { } problem) return problem;
        var rows = keys.ConvertAll(key => key(call));
        var put = await backups.PutKeysAsync(call.Caller.UserId, version, rows, stop);
        return put.IsOk ? Counted(put.Value) : UserAnswers.Of(put.Failure);
    }

    private async ValueTask<Answer> Get(
        Call call,
        string version,
        Func<ResponseWriter, IAsyncEnumerable<BackupKeyRow>, CancellationToken, ValueTask> write,
        CancellationToken stop) =>
        await FindAsync(call, version, stop) is { } keys
            ? Answer.InSteps(call, async (response, stop) =>
            {
                await write(response, keys, stop);
                return null;
            })
            : BackupVersions.Unknown;

    private async ValueTask<Answer> GetSession(Call call, string version, CancellationToken stop)
    {
        if (await FindAsync(call, version, stop) is not { } keys) return BackupVersions.Unknown;
        await foreach (var key in keys)
        {
            var output = new ByteBuffer(1024);
            WriteKey(output, key);
            return Answer.Owned(output.WrittenMemory, output);
        }

        return Answer.NotFound("There is no such key in the backup.");
    }

    private ValueTask<IAsyncEnumerable<BackupKeyRow>?> FindAsync(Call call, string version, CancellationToken stop) =>
        backups.KeysAsync(call.Caller.UserId, version, Part(call, "roomId"), Part(call, "sessionId"), stop);

    private async ValueTask<Answer> Delete(Call call, CancellationToken stop)
    {
        var version = call.Query.RequiredText("version");
        if (call.Query.Problem is { } problem) return problem;
        var state = await backups.DeleteKeysAsync(
            call.Caller.UserId, version, Part(call, "roomId"), Part(call, "sessionId"), stop);
        return state is { } after ? Counted(after) : BackupVersions.Unknown;
    }

    private static string? Part(Call call, string name) => call[name] is { Length: > 0 } part ? part : null;

    private static Answer Counted(BackupState after) => Answer.Json(after, static (json, state) =>
    {
        json.WriteNumber("count", state.Count);
        json.WriteString("etag", state.Etag.ToString(CultureInfo.InvariantCulture));
    });

    private static string ReadVersion(QueryReader query) => query.RequiredText("version");

    private static List<Placed> ReadRooms(BodyReader body)
    {
        var keys = new List<Placed>();
        var rooms = body.RequiredInner("rooms");
        foreach (var (room, sessions) in rooms.Members())
        {
            if (!RoomId.IsOfSomeVersion(room))
            {
                body.Refuse(MatrixError.InvalidParam, $"`{rooms.PathOf(room)}` is not a room id.");
            }

            keys.AddRange(ReadSessions(sessions, _ => room));
        }

        return keys;
    }

    private static List<Placed> ReadSessions(BodyReader body, Func<Call, string> room) =>
        [.. body.RequiredInner("sessions").Members()
            .Select(session => ReadSession(session.Value, room, _ => session.Name))];

    private static Placed ReadSession(BodyReader body, Func<Call, string> room, Func<Call, string> session)
    {
        var (first, forwarded) = (body.RequiredNumber("first_message_index"), body.RequiredNumber("forwarded_count"));
        var verified = body.RequiredFlag("is_verified");
        var data = CanonicalJson.Bytes(Json.Of(body.RequiredContent("session_data")));
        return call => new BackupKeyRow(room(call), session(call), first, forwarded, verified, data);
    }

    private static async ValueTask WriteRoomsAsync(
        ResponseWriter response, IAsyncEnumerable<BackupKeyRow> keys, CancellationToken stop)
    {
        var output = response.Buffer;
        output.Raw("{\"rooms\":{"u8);
        string? room = null;
        await foreach (var key in keys)
        {
            if (key.RoomId == room) output.Byte((byte)',');
            else
            {
                if (room is not null) output.Raw("}},"u8);
                room = key.RoomId;
                CanonicalJson.WriteString(output, room);
                output.Raw(":{\"sessions\":{"u8);
            }

            WriteSession(output, key);
            await response.StepAsync(stop);
        }

        output.Raw(room is null ? "}}"u8 : "}}}}"u8);
    }

    private static async ValueTask WriteSessionsAsync(
        ResponseWriter response, IAsyncEnumerable<BackupKeyRow> keys, CancellationToken stop)
    {
        var output = response.Buffer;
        output.Raw("{\"sessions\":{"u8);
        var isFirst = true;
        await foreach (var key in keys)
        {
            if (!isFirst) output.Byte((byte)',');
            isFirst = false;
            WriteSession(output, key);
            await response.StepAsync(stop);
        }

        output.Raw("}}"u8);
    }

    private static void WriteSession(ByteBuffer output, BackupKeyRow key)
    {
        CanonicalJson.WriteString(output, key.SessionId);
        output.Byte((byte)':');
        WriteKey(output, key);
    }

    private static void WriteKey(ByteBuffer output, BackupKeyRow key)
    {
        output.Raw("{\"first_message_index\":"u8);
        CanonicalJson.WriteInt(output, key.FirstMessageIndex);
        output.Raw(",\"forwarded_count\":"u8);
        CanonicalJson.WriteInt(output, key.ForwardedCount);
        output.Raw(key.IsVerified ? ",\"is_verified\":true,\"session_data\":"u8
            : ",\"is_verified\":false,\"session_data\":"u8);
        output.Raw(key.SessionData.Span);
        output.Byte((byte)'}');
    }
}
