using Matrix.Core.Json;
using Matrix.Core.Room;
using Matrix.Host.Crypto;
using Matrix.Host.Rooms;
using Matrix.Host.Rooms.Sending;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Events;
using Matrix.Host.Storage.Tables.Transactions;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Rooms;

/// <summary>The rooms of a server without HTTP, on a database of their own. The first mention creates a user.</summary>
internal sealed class RoomsWorld : IAsyncDisposable
{
    internal const string Server = "one.test";

    private readonly TestDatabase _database;
    private readonly Ed25519Key _key = Ed25519Key.Generate();
    private readonly HashSet<string> _users = [];

    private readonly Action<OpenedStorage, IServiceCollection> _replaces;
    private readonly CuttingProxy? _through;

    private RoomsWorld(TestDatabase database, Action<OpenedStorage, IServiceCollection> replaces, CuttingProxy? through)
    {
        _database = database;
        _replaces = replaces;
        _through = through;
    }

    internal OpenedStorage Storage { get; private set; } = null!;

    internal ComposedRooms Rooms { get; private set; } = null!;

    /// <summary>What the rooms log.</summary>
    internal LineLog Log { get; } = new();

    /// <param name="databaseKind">The kind of database.</param>
    /// <param name="replaces">Adds the parts of the storage that the test has made.</param>
    /// <param name="through">A proxy to PostgreSQL, if any.</param>
    internal static async Task<RoomsWorld> StartsAsync(
        string databaseKind = TestDatabase.Sqlite,
        Action<OpenedStorage, IServiceCollection>? replaces = null,
        CuttingProxy? through = null)
    {
        var world = new RoomsWorld(
            await TestDatabase.CreateAsync(databaseKind),
            replaces ?? (static (_, _) => { }),
            through);
        await world.OpensAsync();
        return world;
    }

    internal async Task RestartsAsync()
    {
        Rooms.Dispose();
        await Storage.DisposeAsync();
        await OpensAsync();
    }

    internal static string Id(string name) => $"@{name}:{Server}";

    internal async Task<string> CreatesRoomAsync(string creator, Func<RoomRequest, RoomRequest>? with = null)
    {
        await KnowsAsync(creator);
        var request = new RoomRequest { Creator = Id(creator), Preset = Preset.PublicChat };
        var result = await Rooms.Creator.CreateAsync(with?.Invoke(request) ?? request, default);
        Assert.That(result.Failure, Is.Null);
        return result.Value!;
    }

    internal async Task<RoomFailure?> JoinsAsync(string user, string room)
    {
        await KnowsAsync(user);
        return (await Rooms.Memberships.JoinAsync(Id(user), room, null, default)).Failure;
    }

    internal async Task<RoomResult<string>> SaysAsync(string user, string room, string text, string? transaction = null)
    {
        await KnowsAsync(user);
        var key = new TransactionKey(
            Id(user), "DEVICE", $"send/{room}/m.room.message", transaction ?? Guid.NewGuid().ToString());
        var content = JsonObject.OfSeq([("body", Json.Of(text)), ("msgtype", Json.Of("m.text"))]);
        var draft = new Draft("m.room.message", null, Id(user), content, null);
        return await Rooms.Sender.SendAsync(new UserDevice(Id(user), "DEVICE"), room, draft, key, null, default);
    }

    internal ValueTask<RoomResult<string>> SetsAsync(
        string user, string room, string type, string key, params (string, Json)[] content) =>
        Rooms.Sender.SendStateAsync(room, Draft.State(type, key, Id(user), JsonObject.OfSeq(content)), null, default);

    internal ValueTask<RoomResult<string>> RedactsAsync(string user, string room, string eventId) =>
        Rooms.Sender.SendAsync(
            new UserDevice(Id(user), "DEVICE"),
            room,
            new Draft("m.room.redaction", null, Id(user), JsonObject.Empty, eventId),
            new TransactionKey(Id(user), "DEVICE", $"redact/{room}/{eventId}", Guid.NewGuid().ToString()),
            null,
            default);

    internal async Task<IReadOnlyList<StoredEvent>> TimelineAsync(string room)
    {
        var snapshot = (await Rooms.Rooms.FindAsync(room, default))!;
        return await Rooms.Events.RangeAsync(
            snapshot.Room, EventNid.FirstOf(snapshot.Room.Nid), null, Direction.Forward, 1000, default);
    }

    internal async Task KnowsAsync(string user)
    {
        if (!_users.Add(user)) return;
        var create = new UserCreated(Id(user), UserKind.User, null, false);
        await Storage.Writer.WriteAsync(Batches.New(1).Require(create), default);
    }

    public async ValueTask DisposeAsync()
    {
        Rooms.Dispose();
        await Storage.DisposeAsync();
        await _database.DisposeAsync();
    }

    private async Task OpensAsync()
    {
        Storage = await StorageEngine.OpenAsync(
            new StorageOptions
            {
                Url = _through?.UrlFor(_database.Url) ?? _database.Url,
                DataDir = _database.Folder,
                ServerName = Server,
                SettleWaitMs = 300,
            },
            default);
        Rooms = new ComposedRooms(
            Storage,
            new ServerSigner(Server, SigningKeyRing.Of(new SigningKey("a", _key))),
            new RoomsOptions { ServerName = Server },
            Log,
            parts => _replaces(Storage, parts));
    }
}
