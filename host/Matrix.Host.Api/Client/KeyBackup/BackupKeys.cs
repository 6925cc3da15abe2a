using System.Globalization;
using System.Text.Json;
using Matrix.Core.Ident;
using Matrix.Core.Json;
using Matrix.Host.Api.Http;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.KeyBackup;
using Matrix.Host.Users.Keys;

namespace Matrix.Host.Api.Client.KeyBackup;

/// <summary>Session keys in backups: `/room_keys/keys`. Client-Server API, "Server-side key backups".</summary>
internal sealed class BackupKeys(IStorage storage, KeyOptions options) : IEndpoints
{
    private const string All = "room_keys/keys";
    private const string OfRoom = "room_keys/keys/{roomId}";
    private const string OfSession = "room_keys/keys/{roomId}/{sessionId}";

    /// <summary>A session's key before it is known whose room and session it is.</summary>
    private delegate BackupKeyRow Placed(Call call);

    public void Map(ClientRoutes routes)
    {
        var large = new RouteOptions { Body = BodyLimit.Large };
        routes.Put(All, ReadRooms, Put, large);
        routes.Put(OfRoom, body => ReadSessions(body, call => call["roomId"]), Put, large);
        routes.Put(OfSession, body => (List<Placed>)[ReadSession(body, call => call["roomId"], call => call["sessionId"])], Put, large);

        routes.Get(All, ReadVersion, (call, version, stop) => Get(call, version, WriteRooms, stop));
        routes.Get(OfRoom, ReadVersion, (call, version, stop) => Get(call, version, WriteSessions, stop));
        routes.Get(OfSession, ReadVersion, GetSession);

        routes.Delete(All, Delete);
        routes.Delete(OfRoom, Delete);
        routes.Delete(OfSession, Delete);
    }

    private async ValueTask<Answer> Put(Call call, List<Placed> keys, CancellationToken stop)
    {
        var named = call.Query.RequiredText("version");
        if (call.Query.Problem is { } problem) return problem;
        if (BackupVersions.NumberOf(named) is not { } version) return BackupVersions.Unknown;
        if (keys.Count > options.MaxBackupKeys) return Answer.TooLarge($"Send at most {options.MaxBackupKeys} keys at once.");

        var user = call.Caller.UserId;
        var latest = new BackupVersionIsLatest(user, version);
        var after = new BackupVersionRead(user, version);
        var batch = new WriteBatch(keys.Count + 2).Require(latest);
        foreach (var key in keys)
        {
            var row = key(call);
            if (row.SessionData.Length > options.MaxKeyBytes) return Answer.TooLarge($"A key exceeds {options.MaxKeyBytes} bytes.");
            batch.Add(new BackupKeyPut(user, version, row));
        }

        batch.Add(after);
        await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return latest.Applied ? Counted(after) : await NotLatest(user, version, latest.Latest, stop).ConfigureAwait(false);
    }

    private async ValueTask<Answer> NotLatest(string user, long version, long? latest, CancellationToken stop)
    {
        if (latest is not { } current) return BackupVersions.Unknown;
        var found = await storage.KeyBackup.FindVersionAsync(user, version, stop).ConfigureAwait(false);
        return found is null
            ? BackupVersions.Unknown
            : Answer.Error(
                403,
                MatrixError.WrongRoomKeysVersion,
                "This is not the current backup.",
                json => json.WriteString("current_version", current.ToString(CultureInfo.InvariantCulture)));
    }

    private async ValueTask<Answer> Get(
        Call call, string named, Action<Utf8JsonWriter, IReadOnlyList<BackupKeyRow>> write, CancellationToken stop)
    {
        var (keys, refusal) = await FindAsync(call, named, stop).ConfigureAwait(false);
        return refusal ?? Answer.Json(keys, write);
    }

    private async ValueTask<Answer> GetSession(Call call, string named, CancellationToken stop)
    {
        var (keys, refusal) = await FindAsync(call, named, stop).ConfigureAwait(false);
        if (refusal is not null) return refusal;
        return keys.Count == 0 ? Answer.NotFound("There is no such key in the backup.") : Answer.Json(keys[0], WriteKey);
    }

    private async ValueTask<(IReadOnlyList<BackupKeyRow> Keys, Answer? Refusal)> FindAsync(
        Call call, string named, CancellationToken stop)
    {
        var user = call.Caller.UserId;
        if (BackupVersions.NumberOf(named) is not { } version
            || await storage.KeyBackup.FindVersionAsync(user, version, stop).ConfigureAwait(false) is null)
        {
            return ([], BackupVersions.Unknown);
        }

        return (await storage.KeyBackup.KeysAsync(user, version, Part(call, "roomId"), Part(call, "sessionId"), stop).ConfigureAwait(false), null);
    }

    private async ValueTask<Answer> Delete(Call call, CancellationToken stop)
    {
        var named = call.Query.RequiredText("version");
        if (call.Query.Problem is { } problem) return problem;
        if (BackupVersions.NumberOf(named) is not { } version) return BackupVersions.Unknown;

        var user = call.Caller.UserId;
        var after = new BackupVersionRead(user, version);
        var batch = new WriteBatch().Add(new BackupKeysDeleted(user, version, Part(call, "roomId"), Part(call, "sessionId"))).Add(after);
        await storage.Writer.WriteAsync(batch, stop).ConfigureAwait(false);
        return after.Applied ? Counted(after) : BackupVersions.Unknown;
    }

    private static string? Part(Call call, string name) => call[name] is { Length: > 0 } part ? part : null;

    private static Answer Counted(BackupVersionRead after) => Answer.Json(after, static (json, version) =>
    {
        json.WriteNumber("count", version.Count);
        json.WriteString("etag", version.Etag.ToString(CultureInfo.InvariantCulture));
    });

    private static string ReadVersion(QueryReader query) => query.RequiredText("version");

    private static List<Placed> ReadRooms(BodyReader body)
    {
        var keys = new List<Placed>();
        var rooms = body.RequiredInner("rooms");
        foreach (var (room, sessions) in rooms.Members())
        {
            if (!RoomId.isValid(room)) body.Refuse(MatrixError.InvalidParam, $"`{rooms.PathOf(room)}` is not a room id.");
            keys.AddRange(ReadSessions(sessions, _ => room));
        }

        return keys;
    }

    private static List<Placed> ReadSessions(BodyReader body, Func<Call, string> room) =>
        [.. body.RequiredInner("sessions").Members().Select(session => ReadSession(session.Value, room, _ => session.Name))];

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
