using System.Globalization;
using System.Text.Json;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Users.KeyBackup;

namespace Matrix.Host.Api.Client.KeyBackup;

/// <summary>Session keys in backups: `/room_keys/keys`. Client-Server API, "Server-side key backups".</summary>
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
        routes.Put(All, ReadRooms, Put, large);
        routes.Put(OfRoom, body => ReadSessions(body, call => call["roomId"]), Put, large);
        routes.Put(
            OfSession,
            body => (List<Placed>)[ReadSession(body, call => call["roomId"], call => call["sessionId"])],
            Put,
            large);

        routes.Get(All, ReadVersion, (call, version, stop) => Get(call, version, WriteRooms, stop));
        routes.Get(OfRoom, ReadVersion, (call, version, stop) => Get(call, version, WriteSessions, stop));
        routes.Get(OfSession, ReadVersion, GetSession);

        routes.Delete(All, Delete, RouteOptions.AlsoSuspended);
        routes.Delete(OfRoom, Delete, RouteOptions.AlsoSuspended);
        routes.Delete(OfSession, Delete, RouteOptions.AlsoSuspended);
    }

    private async ValueTask<Answer> Put(Call call, List<Placed> keys, CancellationToken stop)
    {
        var version = call.Query.RequiredText("version");
        if (call.Query.Problem is { } problem) return problem;
        var rows = keys.ConvertAll(key => key(call));
        var put = await backups.PutKeysAsync(call.Caller.UserId, version, rows, stop).ConfigureAwait(false);
        return put.IsOk ? Counted(put.Value) : UserAnswers.Of(put.Failure);
    }

    private async ValueTask<Answer> Get(
        Call call, string version, Action<Utf8JsonWriter, IReadOnlyList<BackupKeyRow>> write, CancellationToken stop) =>
        await FindAsync(call, version, stop).ConfigureAwait(false) is { } keys
            ? Answer.Json(keys, write)
            : BackupVersions.Unknown;

    private async ValueTask<Answer> GetSession(Call call, string version, CancellationToken stop)
    {
        if (await FindAsync(call, version, stop).ConfigureAwait(false) is not { } keys) return BackupVersions.Unknown;
        return keys.Count == 0
            ? Answer.NotFound("There is no such key in the backup.")
            : Answer.Json(keys[0], WriteKey);
    }

    private ValueTask<IReadOnlyList<BackupKeyRow>?> FindAsync(Call call, string version, CancellationToken stop) =>
        backups.KeysAsync(call.Caller.UserId, version, Part(call, "roomId"), Part(call, "sessionId"), stop);

    private async ValueTask<Answer> Delete(Call call, CancellationToken stop)
    {
        var version = call.Query.RequiredText("version");
        if (call.Query.Problem is { } problem) return problem;
        var state = await backups.DeleteKeysAsync(
            call.Caller.UserId, version, Part(call, "roomId"), Part(call, "sessionId"), stop).ConfigureAwait(false);
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
            if (!RoomId.isOfSomeVersion(room))
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
        var data = CanonicalJson.bytes(Json.NewObject(body.RequiredContent("session_data")));
        return call => new BackupKeyRow(room(call), session(call), first, forwarded, verified, data);
    }

    private static void WriteRooms(Utf8JsonWriter json, IReadOnlyList<BackupKeyRow> keys)
    {
        json.WriteStartObject("rooms");
        foreach (var room in keys.GroupBy(key => key.RoomId))
        {
            json.WriteStartObject(room.Key);
            WriteSessions(json, [.. room]);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteSessions(Utf8JsonWriter json, IReadOnlyList<BackupKeyRow> keys)
    {
        json.WriteStartObject("sessions");
        foreach (var key in keys)
        {
            json.WriteStartObject(key.SessionId);
            WriteKey(json, key);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    }

    private static void WriteKey(Utf8JsonWriter json, BackupKeyRow key)
    {
        json.WriteNumber("first_message_index", key.FirstMessageIndex);
        json.WriteNumber("forwarded_count", key.ForwardedCount);
        json.WriteBoolean("is_verified", key.IsVerified);
        json.WritePropertyName("session_data");
        json.WriteRawValue(key.SessionData.Span, skipInputValidation: true);
    }
}
