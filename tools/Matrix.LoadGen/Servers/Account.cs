using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;

namespace Matrix.LoadGen.Servers;

/// <summary>A logged-in user and the requests that workloads make for it. Not thread-safe.</summary>
internal sealed class Account(Server server, string userId, string accessToken) : IDisposable
{
    private const string Client = "/_matrix/client/v3/";
    private const string Sliding = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";

    /// <summary>A body of 200 bytes, as a person might write.</summary>
    public static readonly string Sentence = string.Concat(
        Enumerable.Repeat("The quick brown fox jumps over the lazy dog, and nobody minds. ", 4)).AsSpan(0, 200)
        .ToString();

    private static readonly byte[] PlainMessage =
        Encoding.UTF8.GetBytes(JsonSerializer.Serialize(new { msgtype = "m.text", body = Sentence }));

    // Transaction ids are scoped to a device, which may be used again by a later run with given tokens.
    private static readonly string Run = Guid.NewGuid().ToString("n")[..8];
    private static long _transactions;

    public string UserId => userId;

    public string AccessToken => accessToken;

    public HttpConnection Connection { get; } = new(server.Target, accessToken);

    public void Dispose() => Connection.Dispose();

    /// <summary>A second connection of the same user, for another thread.</summary>
    public Account Again() => new(server, userId, accessToken);

    public string CreateRoom(string name, string preset = "public_chat")
    {
        var body = JsonSerializer.SerializeToUtf8Bytes(new { name, preset });
        return Required(Connection.Post($"{Client}createRoom", body), "room_id");
    }

    public void Join(string roomId) =>
        Required(Connection.Post($"{Client}join/{Uri.EscapeDataString(roomId)}", "{}"u8));

    /// <summary>Joins a room through another server.</summary>
    public void Join(string roomId, string server)
    {
        var via = Uri.EscapeDataString(server);
        Required(Connection.Post(
            $"{Client}join/{Uri.EscapeDataString(roomId)}?server_name={via}&via={via}", "{}"u8));
    }

    /// <summary>Whether the server returns an event to the user.</summary>
    public bool HasEvent(string roomId, string eventId) => Connection.Get(
        $"{Client}rooms/{Uri.EscapeDataString(roomId)}/event/{Uri.EscapeDataString(eventId)}") == 200;

    /// <summary>The number of joined members of a room, as the server lists them.</summary>
    public int JoinedMembers(string roomId)
    {
        Required(Connection.Get($"{Client}rooms/{Uri.EscapeDataString(roomId)}/joined_members"));
        var reader = new Utf8JsonReader(Connection.Body);
        var count = 0;
        while (reader.Read())
        {
            if (reader.TokenType == JsonTokenType.PropertyName && reader.CurrentDepth == 2) count++;
        }

        return count;
    }

    public void Leave(string roomId) =>
        Required(Connection.Post($"{Client}rooms/{Uri.EscapeDataString(roomId)}/leave", "{}"u8));

    /// <summary>A connection of the same user whose requests have bodies of this type.</summary>
    public HttpConnection Uploading(string contentType) => new(server.Target, accessToken, contentType: contentType);

    /// <summary>Uploads a file by a connection for its type, and returns the path of its download.</summary>
    public string Upload(HttpConnection uploading, ReadOnlySpan<byte> file)
    {
        var status = uploading.Post("/_matrix/media/v3/upload", file);
        var uri = status == 200 ? TopLevelString(uploading.Body, "content_uri"u8) : null;
        return uri is null
            ? throw new InvalidDataException($"{server.Name} answered {status} to an upload: {uploading.BodyText}")
            : $"/_matrix/client/v1/media/download/{uri["mxc://".Length..]}";
    }

    /// <summary>Makes a request whose response must be 200; the response is the connection's body.</summary>
    public void Post(string path, ReadOnlySpan<byte> body) => Required(Connection.Post(path, body));

    /// <summary>Makes a request whose response must be 200; the response is the connection's body.</summary>
    public void Put(string path, ReadOnlySpan<byte> body) => Required(Connection.Put(path, body));

    /// <summary>Makes a request whose response must be 200; the response is the connection's body.</summary>
    public void Get(string path) => Required(Connection.Get(path));

    /// <summary>Sends a plain message of 200 bytes.</summary>
    public void Send(string escapedRoomId) => Send(escapedRoomId, PlainMessage);

    public void Send(string escapedRoomId, ReadOnlySpan<byte> content) =>
        Required(Connection.Put(NextMessage(escapedRoomId), content));

    /// <summary>The same, in two halves.</summary>
    public Exchange Sending(string escapedRoomId) => new(
        Connection, () => Connection.BeginPut(NextMessage(escapedRoomId), PlainMessage),
        () => Required(Connection.End()));

    /// <summary>The same with a room and a content that are chosen for each message.</summary>
    public Exchange Sending(Func<(string EscapedRoomId, byte[] Content)> next) => new(
        Connection,
        () =>
        {
            var (room, content) = next();
            Connection.BeginPut(NextMessage(room), content);
        },
        () => Required(Connection.End()));

    public void SetState(string escapedRoomId, string type, string stateKey, ReadOnlySpan<byte> content) =>
        Required(
            Connection.Put($"{Client}rooms/{escapedRoomId}/state/{type}/{Uri.EscapeDataString(stateKey)}", content));

    /// <summary>The sync token of now.</summary>
    public string SyncToken()
    {
        var filter = Uri.EscapeDataString("""{"room":{"timeline":{"limit":1},"state":{"lazy_load_members":true}}}""");
        return Required(Connection.Get($"{Client}sync?timeout=0&filter={filter}"), "next_batch");
    }

    /// <summary>Syncs and returns the next token; the response is <see cref="HttpConnection.Body"/>.</summary>
    public string Sync(string? since, int timeoutMilliseconds, string parameters = "")
    {
        Required(Connection.Get(SyncPath(since, timeoutMilliseconds) + parameters));
        return NextBatch(Connection.Body);
    }

    /// <summary>Syncs by simplified sliding sync (MSC4186) and returns the next position.</summary>
    public string SlidingSync(string? pos, int timeoutMilliseconds, ReadOnlySpan<byte> body)
    {
        var path = $"{Sliding}?timeout={timeoutMilliseconds}";
        Required(Connection.Post(pos is null ? path : $"{path}&pos={Uri.EscapeDataString(pos)}", body));
        return TopLevelString(Connection.Body, "pos"u8)
            ?? throw new InvalidDataException("A sliding sync response has no pos.");
    }

    /// <summary>One sync after another that does not wait for news, each in two halves.</summary>
    public Exchange Syncing(string since) => new(
        Connection,
        () => Connection.BeginGet(SyncPath(since, timeoutMilliseconds: 0)),
        () =>
        {
            Required(Connection.End());
            since = NextBatch(Connection.Body);
        });

    private static string SyncPath(string? since, int timeoutMilliseconds) =>
        $"{Client}sync?timeout={timeoutMilliseconds}" + (since is null ? "" : $"&since={Uri.EscapeDataString(since)}");

    /// <summary>Reads one page backwards; returns the token of the next one, or null at the room's beginning.</summary>
    public string? Messages(string escapedRoomId, string? from, int limit)
    {
        var start = from is null ? "" : $"&from={Uri.EscapeDataString(from)}";
        Required(Connection.Get($"{Client}rooms/{escapedRoomId}/messages?dir=b&limit={limit}{start}"));
        return TopLevelString(Connection.Body, "end"u8);
    }

    private static string NextMessage(string escapedRoomId) =>
        $"{Client}rooms/{escapedRoomId}/send/m.room.message/{Run}{Interlocked.Increment(ref _transactions)}";

    private static string NextBatch(ReadOnlySpan<byte> body) =>
        TopLevelString(body, "next_batch"u8) ?? throw new InvalidDataException("A sync response has no next_batch.");

    /// <summary>A string of the outermost object, without parsing the whole response into a tree.</summary>
    private static string? TopLevelString(ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        var reader = new Utf8JsonReader(body);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1)
            {
                continue;
            }

            var wanted = reader.ValueTextEquals(name);
            reader.Read();
            if (wanted)
            {
                return reader.GetString();
            }

            reader.Skip();
        }

        return null;
    }

    private string Required(int status, string property)
    {
        Required(status);
        return TopLevelString(Connection.Body, Encoding.UTF8.GetBytes(property))
            ?? throw new InvalidDataException($"{server.Name} answered without '{property}': {Connection.BodyText}");
    }

    private void Required(int status)
    {
        if (status != 200)
        {
            throw new InvalidDataException($"{server.Name} answered {status} to {userId}: {Connection.BodyText}");
        }
    }
}
