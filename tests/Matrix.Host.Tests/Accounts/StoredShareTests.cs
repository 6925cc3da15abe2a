using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.StoredBytes;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Accounts;

/// <summary>
/// What one user stores is bounded: beyond the bound there is a typed error, what was stored stays, and what is deleted
/// makes room again.
/// </summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class StoredShareTests(string kind)
{
    private const string Limited = "M_USER_LIMIT_EXCEEDED";

    private TestDatabase _database = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private static readonly string _long = new('x', 30_000);

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateAsync(kind);
        _server = await TestServer.StartAsync(
            ("database.url", _database.Url),
            ("limits.info_uri", "https://test.example/limits"),
            ("limits.account_data_bytes", "64KiB"),
            ("limits.filter_bytes", "64KiB"),
            ("limits.device_key_bytes", "64KiB"),
            ("limits.key_signatures", "10"),
            ("limits.backups", "2"),
            ("limits.backup_keys_of_user", "3"),
            ("limits.backup_bytes_of_user", "64KiB"),
            ("limits.rooms_of_user", "2"),
            ("limits.aliases_of_user", "2"));
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task End()
    {
        await _server.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task Account_data()
    {
        var room = await CreatesAsync(_alice);
        (await PutDataAsync("a")).Is(200);
        (await PutDataAsync("b", room)).Is(200);

        (await PutDataAsync("c")).Is(403, Limited);
        (await PutDataAsync("c", room)).Is(403, Limited);
        (await _alice.PutAsync(
            $"user/{_alice.UserId}/rooms/{room}/tags/u.{new string('x', 100)}",
            new JsonObject { ["long"] = new string('x', 8000) })).Is(403, Limited);

        // What is there may change and become less, and what goes makes room.
        (await PutDataAsync("a")).Is(200);
        (await _alice.GetAsync($"user/{_alice.UserId}/rooms/{room}/account_data/b")).Is(200);
        (await _alice.GetAsync($"user/{_alice.UserId}/account_data/c")).Is(404, "M_NOT_FOUND");
        (await _alice.PutAsync($"user/{_alice.UserId}/account_data/a", new JsonObject())).Is(200);
        (await PutDataAsync("c")).Is(200);
    }

    [Test]
    public async Task Filters()
    {
        var ids = new List<string>();
        foreach (var type in new[] { "a", "b" }) ids.Add((await FilterAsync(type)).Is(200).Member("filter_id"));

        (await FilterAsync("c")).Is(403, Limited);

        Assert.That((await FilterAsync("b")).Is(200).Member("filter_id"), Is.EqualTo(ids[1]), "an equal one is kept");
        foreach (var id in ids) (await _alice.GetAsync($"user/{_alice.UserId}/filter/{id}")).Is(200);
        var bob = await _server.RegistersAsync("bob");
        (await bob.PostAsync($"user/{bob.UserId}/filter", Filter("c"))).Is(200);
    }

    [Test]
    public async Task Keys_of_all_devices()
    {
        var phone = await _alice.LogsInAsync();
        (await UploadsAsync(_alice, "1")).Is(200);
        (await UploadsAsync(phone, "1")).Is(200);

        (await UploadsAsync(_alice, "2")).Is(413, "M_TOO_LARGE");
        (await UploadsAsync(_alice, new string('2', 300))).Is(400, "M_INVALID_PARAM");
        (await UploadsAsync(await _alice.LogsInAsync(), "1")).Is(413, "M_TOO_LARGE");
        (await _alice.PutAsync(
            "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device",
            new JsonObject
            {
                ["device_id"] = "DRY",
                ["device_data"] = new JsonObject { ["algorithm"] = "a" },
                ["device_keys"] = ClientKeys.Device(_alice.UserId, "DRY", new ClientKey()),
                ["one_time_keys"] = new JsonObject { ["a:1"] = _long },
            })).Is(413, "M_TOO_LARGE");

        var counts = (await _alice.PostAsync("keys/upload", new JsonObject())).Is(200).Json["one_time_key_counts"];
        Assert.That((int?)counts!["a"], Is.EqualTo(1));
        (await phone.PostAsync("logout")).Is(200);
        (await UploadsAsync(_alice, "2")).Is(200);
    }

    [Test]
    public async Task A_cross_signing_key()
    {
        var upload = new Identity(_alice.UserId).Upload();
        upload["master_key"]!["long"] = new string('x', 33_000);
        (await _alice.PostAsync("keys/device_signing/upload", upload)).Is(413, "M_TOO_LARGE");
        Assert.That((await _alice.QueriesKeysAsync(_alice.UserId)).Json["master_keys"]!.AsObject(), Is.Empty);
    }

    [Test]
    public async Task Signatures()
    {
        var identity = await _alice.CrossSignsAsync();
        var others = new List<(TestUser User, Identity Keys)>();
        for (var i = 0; i < 11; i++)
        {
            var user = await _server.RegistersAsync("bob" + i);
            others.Add((user, await user.CrossSignsAsync()));
        }

        foreach (var (user, keys) in others.Take(10))
        {
            Assert.That((await SignsAsync(identity, user, keys)).Is(200).Json["failures"]!.AsObject(), Is.Empty);
        }

        (await SignsAsync(identity, others[10].User, others[10].Keys)).Is(403, Limited);
        var known = (await _alice.QueriesKeysAsync(others[9].User.UserId)).Is(200).Json["master_keys"]!;
        Assert.That(known[others[9].User.UserId]!["signatures"]![_alice.UserId], Is.Not.Null);

        // A key that is replaced takes its signatures with it.
        var changed = new Identity(others[0].User.UserId);
        var upload = changed.Upload();
        upload["auth"] = others[0].User.PasswordAuth();
        (await others[0].User.PostAsync("keys/device_signing/upload", upload)).Is(200);
        (await SignsAsync(identity, others[10].User, others[10].Keys)).Is(200);
    }

    [Test]
    public async Task Keys_in_backups()
    {
        var version = await BacksUpAsync();
        (await BackAsync(version, "one", "two")).Is(200);

        (await BackAsync(version, "three", "four")).Is(413, "M_TOO_LARGE");
        Assert.That(await BackedUpAsync(version), Is.EqualTo(new[] { "one", "two" }));
        (await BackAsync(version, "three")).Is(200);
        (await BackAsync(version, "four")).Is(413, "M_TOO_LARGE");

        (await _alice.DeleteAsync($"room_keys/keys/!r:test.example/one?version={version}")).Is(200);
        (await BackAsync(version, "four")).Is(200);
        Assert.That(await BackedUpAsync(version), Is.EqualTo(new[] { "four", "three", "two" }));

        (await BackAsync(version, new string('5', 300))).Is(400, "M_INVALID_PARAM");

        // Backups count together, and each has a few keys as long as there is room.
        var next = await BacksUpAsync();
        (await BackAsync(next, "one")).Is(413, "M_TOO_LARGE");
        (await _alice.PostAsync("room_keys/version", Backup())).Is(413, "M_TOO_LARGE");
        (await _alice.DeleteAsync($"room_keys/version/{version}")).Is(200);
        (await BackAsync(next, "one")).Is(200);
        await BacksUpAsync();
    }

    [Test]
    public async Task Bytes_of_keys_in_backups()
    {
        var version = await BacksUpAsync();
        (await BackAsync(version, _long, ["one", "two"])).Is(200);
        (await BackAsync(version, _long, ["three"])).Is(413, "M_TOO_LARGE");
        (await BackAsync(version, "three")).Is(200);
        Assert.That(await BackedUpAsync(version), Is.EqualTo(new[] { "one", "three", "two" }));
    }

    [Test]
    public async Task Rooms_that_a_user_created()
    {
        var first = await CreatesAsync(_alice);
        await CreatesAsync(_alice);

        (await _alice.PostAsync("createRoom")).Is(403, Limited);
        (await _alice.PostAsync("createRoom", new JsonObject { ["room_alias_name"] = "free" })).Is(403, Limited);
        (await _alice.PostAsync($"rooms/{first}/upgrade", new JsonObject { ["new_version"] = "10" })).Is(403, Limited);
        (await _alice.GetAsync("directory/room/%23free:test.example")).Is(404, "M_NOT_FOUND");
        (await _alice.GetAsync($"rooms/{first}/state/m.room.tombstone")).Is(404, "M_NOT_FOUND");
        Assert.That((await _alice.GetAsync("joined_rooms")).Json["joined_rooms"]!.AsArray(), Has.Count.EqualTo(2));
        await CreatesAsync(await _server.RegistersAsync("bob"));
    }

    [Test]
    public async Task Aliases_that_a_user_created()
    {
        var room = await CreatesAsync(_alice, "one");
        (await AliasAsync("two", room)).Is(200);

        (await AliasAsync("three", room)).Is(403, Limited);
        (await _alice.PostAsync("createRoom", new JsonObject { ["room_alias_name"] = "three" })).Is(403, Limited);

        (await _alice.GetAsync("directory/room/%23two:test.example")).Is(200);
        (await _alice.DeleteAsync("directory/room/%23two:test.example")).Is(200);
        await CreatesAsync(_alice, "three");
    }

    [Test]
    public async Task The_end_of_the_account_ends_all_of_it()
    {
        (await PutDataAsync("a")).Is(200);
        (await FilterAsync("a")).Is(200);
        (await UploadsAsync(_alice, "1")).Is(200);
        var version = await BacksUpAsync();
        (await BackAsync(version, "one")).Is(200);

        (await _alice.PostAsync("account/deactivate", new JsonObject { ["auth"] = _alice.PasswordAuth() })).Is(200);

        var storage = _server.Services.GetRequiredService<OpenedStorage>();
        foreach (var stored in Enum.GetValues<StoredKind>())
        {
            Assert.That(await storage.StoredBytes.FindAsync(_alice.UserId, stored, default), Is.Zero, $"{stored}");
        }

        Assert.That(await storage.AccountData.CountAsync(_alice.UserId, default), Is.EqualTo((0, 0)));
        Assert.That(await storage.KeyBackup.FindVersionAsync(_alice.UserId, null, default), Is.Null);
        Assert.That(
            await storage.KeyBackup.KeysAsync(_alice.UserId, 1, null, null, ("", ""), 10, default), Is.Empty);
    }

    private Task<Reply> PutDataAsync(string type, string? room = null) => _alice.PutAsync(
        $"user/{_alice.UserId}/{(room is null ? "" : $"rooms/{room}/")}account_data/{type}",
        new JsonObject { ["long"] = _long });

    private static JsonObject Filter(string type) =>
        new() { ["presence"] = new JsonObject { ["types"] = new JsonArray(type, _long) } };

    private Task<Reply> FilterAsync(string type) => _alice.PostAsync($"user/{_alice.UserId}/filter", Filter(type));

    private static Task<Reply> UploadsAsync(TestUser device, string id) => device.PostAsync(
        "keys/upload", new JsonObject { ["one_time_keys"] = new JsonObject { ["a:" + id] = _long } });

    private Task<Reply> SignsAsync(Identity identity, TestUser other, Identity theirs) =>
        _alice.UploadsSignatureAsync(
            other.UserId,
            theirs.Master.Public,
            identity.UserSigning.Sign(theirs.MasterKey(), _alice.UserId, identity.UserSigning.Id));

    private static JsonObject Backup() =>
        new() { ["algorithm"] = "a", ["auth_data"] = new JsonObject { ["public_key"] = "k" } };

    private async Task<string> BacksUpAsync() =>
        (await _alice.PostAsync("room_keys/version", Backup())).Is(200).Member("version");

    private Task<Reply> BackAsync(string version, params string[] sessions) => BackAsync(version, "c", sessions);

    private Task<Reply> BackAsync(string version, string text, string[] sessions)
    {
        var keys = new JsonObject();
        foreach (var session in sessions)
        {
            keys[session] = new JsonObject
            {
                ["first_message_index"] = 0,
                ["forwarded_count"] = 0,
                ["is_verified"] = true,
                ["session_data"] = new JsonObject { ["ciphertext"] = text },
            };
        }

        return _alice.PutAsync(
            $"room_keys/keys/!r:test.example?version={version}", new JsonObject { ["sessions"] = keys });
    }

    private async Task<IEnumerable<string>> BackedUpAsync(string version) =>
        (await _alice.GetAsync($"room_keys/keys/!r:test.example?version={version}")).Is(200)
            .Json["sessions"]!.AsObject().Select(session => session.Key).Order();

    private static async Task<string> CreatesAsync(TestUser user, string? alias = null)
    {
        var body = new JsonObject();
        if (alias is not null) body["room_alias_name"] = alias;
        return (await user.PostAsync("createRoom", body)).Is(200).Member("room_id");
    }

    private Task<Reply> AliasAsync(string name, string room) =>
        _alice.PutAsync($"directory/room/%23{name}:test.example", new JsonObject { ["room_id"] = room });
}
