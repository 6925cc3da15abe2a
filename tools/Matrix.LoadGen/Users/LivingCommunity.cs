using System.Text;
using System.Text.Json;
using Matrix.LoadGen.Http;
using Matrix.LoadGen.Servers;
using Matrix.LoadGen.Workloads;

namespace Matrix.LoadGen.Users;

/// <summary>People on a server, with their devices and rooms.</summary>
internal sealed class LivingCommunity : IDisposable
{
    private const string Client = "/_matrix/client/v3/";
    private const string Sliding = "/_matrix/client/unstable/org.matrix.simplified_msc3575/sync";
    private const int AtOnce = 8;
    private const string Password = "a long password of a person";

    private static readonly string _filter =
        "&filter=" + Uri.EscapeDataString("""{"room":{"timeline":{"limit":20},"state":{"lazy_load_members":true}}}""");

    private readonly AsyncClient _http;
    private readonly string? _secret;
    private readonly string _run = Guid.NewGuid().ToString("n")[..8];
    private readonly Device?[] _phones;
    private readonly Device?[] _laptops;
    private readonly string[] _rooms;
    private readonly string[] _latest;
    private readonly HashSet<int>[] _members;

    private LivingCommunity(Community drawn, Server server)
    {
        (Drawn, _http, _secret) = (drawn, new AsyncClient(server.Target), server.Secret);
        (_phones, _laptops) = (new Device[drawn.People.Count], new Device[drawn.People.Count]);
        (_rooms, _latest) = (new string[drawn.Rooms.Count], new string[drawn.Rooms.Count]);
        _members = [.. drawn.Rooms.Select(static room => room.Members.ToHashSet())];
    }

    public Community Drawn { get; }

    /// <summary>The downloads of pictures that were sent.</summary>
    public List<string> Pictures { get; } = [];

    /// <summary>Registers all people, logs in their devices, and makes their rooms.</summary>
    public static async Task<LivingCommunity> CreateAsync(Community drawn, Server server, CancellationToken stop)
    {
        var made = new LivingCommunity(drawn, server);
        try
        {
            var side = new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = stop };
            await Parallel.ForEachAsync(drawn.People, side, async (each, end) => await made.RegisterAsync(each, end));
            await Parallel.ForEachAsync(drawn.Rooms, side, async (each, end) => await made.CreateAsync(each, end));
            await Parallel.ForEachAsync(drawn.People, side, async (each, end) => await made.FirstSyncAsync(each, end));
            await made.SendPictureAsync(drawn.People[0].Number, onPhone: false, 0, size: 1000, measured: null, stop);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    public Device? Phone(int person) => _phones[person];

    public Device? Laptop(int person) => _laptops[person];

    /// <summary>The room's id, escaped.</summary>
    public string Room(int room) => Uri.EscapeDataString(_rooms[room]);

    /// <summary>The latest event that somebody sent to a room.</summary>
    public string Latest(int room) => Volatile.Read(ref _latest[room]);

    /// <summary>Sends a message event.</summary>
    public async Task SendAsync(
        Device device, int room, string type, string transaction, byte[] content, CancellationToken stop)
    {
        var path = $"{Client}rooms/{Room(room)}/send/{type}/{_run}{transaction}";
        var sent = await device.ReadAsync(HttpMethod.Put, path, content, "event_id", stop);
        if (type != "m.reaction") Volatile.Write(ref _latest[room], sent);
    }

    /// <summary>The devices of a room's members, but for one.</summary>
    public IReadOnlyList<Device> DevicesOf(int room, Device but)
    {
        int[] members;
        lock (_members[room]) members = [.. _members[room]];
        return
        [
            .. members.SelectMany(each => new[] { _phones[each], _laptops[each] }).OfType<Device>()
                .Where(each => each != but),
        ];
    }

    /// <summary>Joins a room unless the person is there; returns whether there was something to do.</summary>
    public async Task<bool> JoinAsync(Device device, int person, int room, CancellationToken stop)
    {
        lock (_members[room])
        {
            if (!_members[room].Add(person)) return false;
        }

        await device.DoAsync(HttpMethod.Post, $"{Client}join/{Room(room)}", "{}"u8.ToArray(), stop);
        return true;
    }

    /// <summary>Uploads a picture, and sends it.</summary>
    public async Task SendPictureAsync(
        int person, bool onPhone, int room, int size, Operations? measured, CancellationToken stop)
    {
        var device = DeviceOf(person, onPhone);
        var picture = new byte[size];
        Random.Shared.NextBytes(picture);
        var since = System.Diagnostics.Stopwatch.GetTimestamp();
        var uri = await device.ReadAsync(
            HttpMethod.Post, "/_matrix/media/v3/upload", picture, "content_uri", stop, "application/octet-stream");
        measured?.Done("upload a picture", since);
        lock (Pictures) Pictures.Add($"/_matrix/client/v1/media/download/{uri["mxc://".Length..]}");
        if (measured is null) return;
        since = System.Diagnostics.Stopwatch.GetTimestamp();
        await SendAsync(
            device, room, "m.room.message", $"p{Guid.NewGuid():N}", Contents.Picture(uri, size), stop);
        measured.Done("send a message", since);
    }

    /// <summary>A person's device; the other one if there is no such.</summary>
    public Device DeviceOf(int person, bool onPhone) =>
        (onPhone ? _phones[person] ?? _laptops[person] : _laptops[person] ?? _phones[person])!;

    /// <summary>A sync of a laptop; returns the response, to be disposed.</summary>
    public static async Task<Reply> SyncAsync(Device laptop, int timeoutMilliseconds, CancellationToken stop)
    {
        var since = laptop.Position is { } token ? "&since=" + Uri.EscapeDataString(token) : "";
        var path = $"{Client}sync?timeout={timeoutMilliseconds}{since}{_filter}";
        return await AdvanceAsync(laptop, HttpMethod.Get, path, null, "next_batch"u8.ToArray(), stop);
    }

    /// <summary>A sliding sync of a phone; returns the response, to be disposed.</summary>
    public static async Task<Reply> SlidingSyncAsync(Device phone, int timeoutMilliseconds, CancellationToken stop)
    {
        var pos = phone.Position is { } token ? "&pos=" + Uri.EscapeDataString(token) : "";
        var path = $"{Sliding}?timeout={timeoutMilliseconds}{pos}";
        return await AdvanceAsync(phone, HttpMethod.Post, path, SlidingRequestBody.Body, "pos"u8.ToArray(), stop);
    }

    public void Dispose() => _http.Dispose();

    private static async Task<Reply> AdvanceAsync(
        Device device,
        HttpMethod method,
        string path,
        ReadOnlyMemory<byte>? body,
        byte[] member,
        CancellationToken stop)
    {
        var reply = await device.SendAsync(method, path, body, stop);
        device.Position = TopLevel(reply.Body.Span, member);
        return reply;
    }

    /// <summary>A string of the outermost object, without a tree of the whole response.</summary>
    private static string? TopLevel(ReadOnlySpan<byte> body, ReadOnlySpan<byte> name)
    {
        var reader = new Utf8JsonReader(body);
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 1) continue;
            var isWanted = reader.ValueTextEquals(name);
            reader.Read();
            if (isWanted) return reader.GetString();
            reader.Skip();
        }

        return null;
    }

    private async Task RegisterAsync(Person person, CancellationToken stop)
    {
        const string path = "/_synapse/admin/v1/register";
        var name = $"u{person.Number}-{_run}";
        string nonce;
        using (var reply = await _http.SendAsync(HttpMethod.Get, path, null, null, stop))
        {
            nonce = Json(reply).GetProperty("nonce").GetString()!;
        }

        var mac = Population.Mac(_secret!, nonce, name, Password);
        var body = JsonSerializer.SerializeToUtf8Bytes(
            new { nonce, username = name, password = Password, admin = false, mac });
        var first = await LogInAsync(path, body, stop);
        if (person.HasPhone) _phones[person.Number] = first;
        else _laptops[person.Number] = first;
        if (person is { HasPhone: true, HasLaptop: true })
        {
            var login = JsonSerializer.SerializeToUtf8Bytes(new
            {
                type = "m.login.password",
                identifier = new { type = "m.id.user", user = name },
                password = Password,
            });
            _laptops[person.Number] = await LogInAsync($"{Client}login", login, stop);
        }
    }

    private async Task<Device> LogInAsync(string path, byte[] body, CancellationToken stop)
    {
        using var reply = await _http.SendAsync(HttpMethod.Post, path, null, body, stop);
        var made = Json(reply);
        string Of(string member) => made.GetProperty(member).GetString()!;
        var device = new Device(_http, Of("user_id"), Of("device_id"), Of("access_token"));
        await device.DoAsync(HttpMethod.Post, $"{Client}keys/upload", Contents.DeviceKeys(device), stop);
        return device;
    }

    private async Task CreateAsync(PlannedRoom room, CancellationToken stop)
    {
        var creator = DeviceOf(room.Members[0], onPhone: false);
        var invited = room.IsDirect ? $"\"{DeviceOf(room.Members[1], onPhone: false).UserId}\"" : "";
        var named = room.IsDirect ? "\"is_direct\":true" : $"\"name\":\"room {room.Number}\"";
        var state = room.IsEncrypted
            ? """{"type":"m.room.encryption","state_key":"","content":{"algorithm":"m.megolm.v1.aes-sha2"}}"""
            : "";
        var body = Encoding.UTF8.GetBytes($$"""
            {"preset":"{{(room.IsDirect ? "trusted_private_chat" : "public_chat")}}",{{named}},"invite":[{{invited}}],
            "initial_state":[{{state}}]}
            """);
        _rooms[room.Number] = await creator.ReadAsync(HttpMethod.Post, $"{Client}createRoom", body, "room_id", stop);
        foreach (var member in room.Members.Skip(1))
        {
            await DeviceOf(member, onPhone: false).DoAsync(
                HttpMethod.Post, $"{Client}join/{Room(room.Number)}", "{}"u8.ToArray(), stop);
        }

        await SendAsync(creator, room.Number, "m.room.message", "first", Contents.Message(60), stop);
    }

    private async Task FirstSyncAsync(Person person, CancellationToken stop)
    {
        if (_laptops[person.Number] is { } laptop) (await SyncAsync(laptop, 0, stop)).Dispose();
        if (_phones[person.Number] is { } phone) (await SlidingSyncAsync(phone, 0, stop)).Dispose();
    }

    private static JsonElement Json(Reply reply)
    {
        if (reply.Status != 200)
            throw new RefusedException($"{reply.Status}: {Encoding.UTF8.GetString(reply.Body.Span)}");
        using var json = JsonDocument.Parse(reply.Body);
        return json.RootElement.Clone();
    }
}
