using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage;
using Matrix.Import.Keys;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;
using Matrix.Import.Tests.Support;

namespace Matrix.Import.Tests.Keys;

/// <summary>Keys of this server's users, as clients find them after an import.</summary>
internal sealed class KeyImportTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    private const string Curve = "signed_curve25519";
    private static readonly string _master = PublicKey(1);
    private static readonly string _selfSigning = PublicKey(2);
    private static readonly string _userSigning = PublicKey(3);

    protected override IReadOnlyList<string> Tables =>
    [
        KeyTables.Users,
        KeyTables.Devices,
        KeyTables.DeviceKeys,
        KeyTables.CrossSigning,
        KeyTables.Services,
        """
        CREATE TABLE e2e_one_time_keys_json (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, algorithm TEXT NOT NULL, key_id TEXT NOT NULL,
            ts_added_ms BIGINT NOT NULL, key_json TEXT NOT NULL)
        """,
        """
        CREATE TABLE e2e_fallback_keys_json (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, algorithm TEXT NOT NULL, key_id TEXT NOT NULL,
            key_json TEXT NOT NULL, used BOOLEAN NOT NULL DEFAULT FALSE)
        """,
        """
        CREATE TABLE e2e_cross_signing_signatures (
            user_id TEXT NOT NULL, key_id TEXT NOT NULL, target_user_id TEXT NOT NULL, target_device_id TEXT NOT NULL,
            signature TEXT NOT NULL)
        """,
        """
        CREATE TABLE e2e_room_keys (
            user_id TEXT NOT NULL, room_id TEXT NOT NULL, session_id TEXT NOT NULL, version BIGINT NOT NULL,
            first_message_index INT, forwarded_count INT, is_verified BOOLEAN, session_data TEXT NOT NULL)
        """,
        """
        CREATE TABLE e2e_room_keys_versions (
            user_id TEXT NOT NULL, version BIGINT NOT NULL, algorithm TEXT NOT NULL, auth_data TEXT NOT NULL,
            deleted SMALLINT DEFAULT 0 NOT NULL, etag BIGINT)
        """,
        "CREATE TABLE dehydrated_devices (user_id TEXT NOT NULL, device_id TEXT NOT NULL, device_data TEXT NOT NULL)",
        """
        CREATE TABLE device_inbox (
            user_id TEXT NOT NULL, device_id TEXT NOT NULL, stream_id BIGINT NOT NULL, message_json TEXT NOT NULL)
        """,
    ];

    protected override IReadOnlyList<IImportPart> Parts =>
        [new KnownUsers("alice/PHONE", "alice/LAPTOP", "alice/DRY", "bob/B", "bridge/BOT"), .. KeyParts.All];

    [SetUp]
    public async Task Devices()
    {
        foreach (var device in (string[])["alice/PHONE", "alice/LAPTOP", "alice/DRY", "bob/B", "bridge/BOT"])
        {
            await DeviceAsync(device.Split('/')[0], device.Split('/')[1]);
        }

        await DeviceAsync("alice", _master, hidden: true);
        await Source.InsertAsync("users", ("name", Id("alice")));
        await Source.InsertAsync("users", ("name", Id("bridge")), ("appservice_id", "irc"));
    }

    [Test]
    public async Task Keys_of_devices_and_signatures_are_what_clients_and_servers_get()
    {
        await DeviceKeysAsync("alice", "PHONE", $$$"""
            {"algorithms":[],"device_id":"PHONE","keys":{"ed25519:PHONE":"k"},"unsigned":{"x":1},
             "signatures":{"{{{Id("alice")}}}":{"ed25519:PHONE":"own"} },"user_id":"{{{Id("alice")}}}"}
            """);
        await DeviceKeysAsync("alice", "GONE", "{}");
        await DeviceKeysAsync("alice", _master, "{}");
        await DeviceKeysAsync("bob", "B", "no JSON");
        await CrossSigningAsync("master", PublicKey(9), stream: 1);
        await CrossSigningAsync("master", _master, stream: 7);
        await CrossSigningAsync("self_signing", _selfSigning, stream: 8);
        await CrossSigningAsync("user_signing", _userSigning, stream: 9);
        await SignatureAsync("alice", "ed25519:" + _selfSigning, "alice", "PHONE", "by the self-signing key");
        await SignatureAsync("alice", "ed25519:PHONE", "alice", _master, "by the phone");
        await SignatureAsync("bob", "ed25519:bobs", "alice", _master, "by bob");
        await SignatureAsync("alice", "ed25519:PHONE", "alice", PublicKey(9), "on a key that is gone");

        _ = await StartImportedAsync();

        var query = new JsonObject { ["device_keys"] = new JsonObject { [Id("alice")] = new JsonArray() } };
        var found = (await Client("alice/PHONE").PostAsync("keys/query", query)).Is(200).Json;
        var devices = found["device_keys"]![Id("alice")]!.AsObject();
        Assert.That(devices.Select(static device => device.Key), Is.EqualTo(new[] { "PHONE" }));
        Assert.That(
            devices["PHONE"]!["signatures"]![Id("alice")]!.AsObject().Select(
                static each => (each.Key, (string?)each.Value)),
            Is.EquivalentTo(new[]
            {
                ("ed25519:" + _selfSigning, "by the self-signing key"), ("ed25519:PHONE", "own"),
            }));
        var master = found["master_keys"]![Id("alice")]!;
        Assert.That((string?)master["keys"]!["ed25519:" + _master], Is.EqualTo(_master), "the latest counts");
        Assert.That((string?)master["signatures"]![Id("alice")]!["ed25519:PHONE"], Is.EqualTo("by the phone"));
        Assert.That(
            (string?)found["self_signing_keys"]![Id("alice")]!["keys"]!["ed25519:" + _selfSigning],
            Is.EqualTo(_selfSigning));
        Assert.That(
            (string?)found["user_signing_keys"]![Id("alice")]!["keys"]!["ed25519:" + _userSigning],
            Is.EqualTo(_userSigning));

        var seen = (await Client("bob/B").PostAsync("keys/query", query.DeepClone())).Is(200).Json;
        Assert.That((string?)seen["master_keys"]![Id("alice")]!["signatures"]![Id("bob")]!["ed25519:bobs"],
            Is.EqualTo("by bob"), "the signature that one's user-signing key made");
        Assert.That(Log.Lines, Has.Some.Contains("1 device keys (3 left out)"));
    }

    [Test]
    public async Task One_time_keys_are_given_away_in_the_order_of_their_upload_and_then_the_fallback_key()
    {
        await OneTimeKeyAsync("z", 1, """{"key":"first"}""");
        await OneTimeKeyAsync("b", 3, """{"key":"third"}""");
        await OneTimeKeyAsync("a", 3, """{"key":"second"}""");
        await OneTimeKeyAsync("c", 4, "\"a string\"");
        await OneTimeKeyAsync("d", 5, "broken");
        await FallbackKeyAsync("PHONE", "f", used: false);
        await FallbackKeyAsync("LAPTOP", "g", used: true);

        _ = await StartImportedAsync();

        var before = (await SyncAsync("alice/PHONE")).Json;
        Assert.That((int)before["device_one_time_keys_count"]![Curve]!, Is.EqualTo(4));
        Assert.That(
            before["device_unused_fallback_key_types"]!.AsArray().Select(static each => (string?)each),
            Is.EqualTo(new[] { Curve }));
        var claimed = new List<string>();
        for (var n = 0; n < 5; n++) claimed.Add((await ClaimAsync("PHONE")).Key);
        Assert.That(claimed, Is.EqualTo(new[] { "z", "a", "b", "c", "f" }.Select(static id => $"{Curve}:{id}")));

        var laptop = (await SyncAsync("alice/LAPTOP")).Json;
        Assert.That(laptop["device_unused_fallback_key_types"]!.AsArray(), Is.Empty, "it was used");
        Assert.That((await ClaimAsync("LAPTOP")).Key, Is.EqualTo($"{Curve}:g"), "it is given away again");

        async Task<KeyValuePair<string, JsonNode?>> ClaimAsync(string device)
        {
            var body = new JsonObject
            {
                ["one_time_keys"] = new JsonObject { [Id("alice")] = new JsonObject { [device] = Curve } },
            };
            var claim = (await Client("bob/B").PostAsync("keys/claim", body)).Is(200).Json;
            return claim["one_time_keys"]![Id("alice")]![device]!.AsObject().Single();
        }
    }

    [Test]
    public async Task All_versions_of_a_backup_come_with_their_numbers_etags_and_keys()
    {
        await BackupAsync(1, deleted: true, etag: null);
        await BackupAsync(2, deleted: false, etag: 5);
        await BackupAsync(4, deleted: false, etag: 12);
        await BackupAsync(6, deleted: true, etag: 1);
        await BackupKeyAsync(2, "!a:x", "s1", """{"ciphertext":"\u00fc","f":1.5}""");
        await BackupKeyAsync(2, "!b:x", "s1", """{"n":2}""");
        await BackupKeyAsync(4, "!a:x", "s1", """{"n":3}""");
        await BackupKeyAsync(4, "!a:x", "s2", "broken");
        await BackupKeyAsync(9, "!a:x", "s1", "{}");

        _ = await StartImportedAsync();
        var alice = Client("alice/PHONE");

        var latest = (await alice.GetAsync("room_keys/version")).Is(200).Json;
        Assert.That(
            ((string?)latest["version"], (string?)latest["etag"], (int)latest["count"]!),
            Is.EqualTo(("4", "12", 1)));
        Assert.That((int)latest["auth_data"]!["v"]!, Is.EqualTo(4));
        var older = (await alice.GetAsync("room_keys/version/2")).Is(200).Json;
        Assert.That(((string?)older["etag"], (int)older["count"]!), Is.EqualTo(("5", 2)));
        _ = (await alice.GetAsync("room_keys/version/1")).Is(404, "M_NOT_FOUND");
        _ = (await alice.GetAsync("room_keys/version/6")).Is(404, "M_NOT_FOUND");
        var keys = (await alice.GetAsync("room_keys/keys?version=2")).Is(200).Json;
        var key = keys["rooms"]!["!a:x"]!["sessions"]!["s1"]!;
        Assert.That((string?)key["session_data"]!["ciphertext"], Is.EqualTo("ü"));
        Assert.That(((int)key["first_message_index"]!, (bool)key["is_verified"]!), Is.EqualTo((3, true)));

        var next = new JsonObject { ["algorithm"] = "a", ["auth_data"] = new JsonObject() };
        Assert.That((await alice.PostAsync("room_keys/version", next)).Is(200).Member("version"), Is.EqualTo("7"));
        var findings = await DisposedFindingsAsync();
        Assert.That(
            findings.Select(static each => each.Reason),
            Is.EquivalentTo(new[] { "It is no JSON object.", "1 keys are of a backup that there is not." }));
    }

    [Test]
    public async Task Messages_that_wait_for_devices_are_at_synapses_numbers_and_as_they_were()
    {
        await MessageAsync("alice", "PHONE", 7, """{"content":{"f":1.50,"u":"\u00fc"},"type":"m.a","sender":"@x:y"}""");
        await MessageAsync("alice", "PHONE", 9, """{"content":{},"type":"m.b","sender":"@x:y"}""");
        await MessageAsync("alice", "LAPTOP", 9, "broken");
        await MessageAsync("alice", "GONE", 9, """{"content":{},"type":"m.c","sender":"@x:y"}""");
        await MessageAsync("bridge", "BOT", 20, """{"content":{},"type":"m.got","sender":"@x:y"}""");
        await MessageAsync("bridge", "BOT", 21, """{"content":{},"type":"m.owed","sender":"@x:y"}""");
        await Source.InsertAsync("application_services_state", ("as_id", "irc"), ("to_device_stream_id", 20));

        await ImportAsync();

        await using (var target = await OpenTargetAsync(numbers: null))
        {
            var through = target.Writer.PublishedPosition;
            var rows = await target.ToDevice.OfDeviceAsync(Id("alice"), "PHONE", 0, through, 9, Stop);
            Assert.That(
                rows.Select(static row => (row.Position, Encoding.UTF8.GetString(row.Json.Span))),
                Is.EqualTo(new[]
                {
                    (7L, """{"content":{"f":1.50,"u":"\u00fc"},"type":"m.a","sender":"@x:y"}"""),
                    (9L, """{"content":{},"type":"m.b","sender":"@x:y"}"""),
                }));
            Assert.That(
                await target.ToDevice.OfDeviceAsync(Id("alice"), "PHONE", 7, through, 9, Stop), Has.Count.EqualTo(1));
            rows = await target.ToDevice.OfDeviceAsync(Id("bridge"), "BOT", 0, through, 9, Stop);
            Assert.That(rows.Select(static row => row.Position), Is.EqualTo(new[] { 21 }), "the service has the other");
        }

        Assert.That(
            (await FindingsAsync()).Select(static each => (each.Subject, each.Reason)),
            Is.EquivalentTo(new[]
            {
                ($"{Id("alice")} GONE 9", "There is no such device."),
                ($"{Id("alice")} LAPTOP 9", "It is no JSON object."),
            }));

        _ = await StartAsync();
        var sync = (await SyncAsync("alice/PHONE")).Json;
        Assert.That(
            sync["to_device"]!["events"]!.AsArray().Select(static each => (string?)each!["type"]),
            Is.EqualTo(new[] { "m.a", "m.b" }));
    }

    [Test]
    public async Task A_dehydrated_device_is_there_for_the_next_client_of_its_user()
    {
        await Source.InsertAsync(
            "dehydrated_devices",
            ("user_id", Id("alice")), ("device_id", "DRY"), ("device_data", """{"algorithm":"a","x":1.5}"""));
        await Source.InsertAsync(
            "dehydrated_devices", ("user_id", Id("bob")), ("device_id", "GONE"), ("device_data", "{}"));

        _ = await StartImportedAsync();

        var found = (await Client("alice/PHONE").GetAsync(
            "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device")).Is(200).Json;
        Assert.That(
            ((string?)found["device_id"], (double)found["device_data"]!["x"]!), Is.EqualTo(("DRY", 1.5)));
        _ = (await Client("bob/B").GetAsync(
            "/_matrix/client/unstable/org.matrix.msc3814.v1/dehydrated_device")).Is(404, "M_NOT_FOUND");
    }

    private static string PublicKey(byte seed) =>
        Convert.ToBase64String([.. Enumerable.Repeat(seed, 32)]).TrimEnd('=');

    private Task<Reply> SyncAsync(string token) => Client(token).GetAsync("sync?timeout=0");

    private async Task<IReadOnlyList<Host.Storage.Tables.Imports.ImportFindingRow>> DisposedFindingsAsync()
    {
        await StopServerAsync();
        return await FindingsAsync();
    }

    private Task DeviceAsync(string user, string device, bool hidden = false) => Source.InsertAsync(
        "devices", ("user_id", Id(user)), ("device_id", device), ("hidden", hidden));

    private Task DeviceKeysAsync(string user, string device, string json) => Source.InsertAsync(
        "e2e_device_keys_json",
        ("user_id", Id(user)), ("device_id", device), ("ts_added_ms", 1), ("key_json", json));

    private Task CrossSigningAsync(string usage, string publicKey, long stream) => Source.InsertAsync(
        "e2e_cross_signing_keys",
        ("user_id", Id("alice")),
        ("keytype", usage),
        ("keydata", $$$"""
            {"user_id":"{{{Id("alice")}}}","usage":["{{{usage}}}"],"keys":{"ed25519:{{{publicKey}}}":"{{{publicKey}}}"}}
            """),
        ("stream_id", stream));

    private Task SignatureAsync(string signer, string key, string target, string targetKey, string signature) =>
        Source.InsertAsync(
            "e2e_cross_signing_signatures",
            ("user_id", Id(signer)),
            ("key_id", key),
            ("target_user_id", Id(target)),
            ("target_device_id", targetKey),
            ("signature", signature));

    private Task OneTimeKeyAsync(string id, long at, string json) => Source.InsertAsync(
        "e2e_one_time_keys_json",
        ("user_id", Id("alice")),
        ("device_id", "PHONE"),
        ("algorithm", Curve),
        ("key_id", id),
        ("ts_added_ms", at),
        ("key_json", json));

    private Task FallbackKeyAsync(string device, string id, bool used) => Source.InsertAsync(
        "e2e_fallback_keys_json",
        ("user_id", Id("alice")),
        ("device_id", device),
        ("algorithm", Curve),
        ("key_id", id),
        ("key_json", """{"key":"fallback","fallback":true}"""),
        ("used", used));

    private Task BackupAsync(long version, bool deleted, long? etag) => Source.InsertAsync(
        "e2e_room_keys_versions",
        ("user_id", Id("alice")),
        ("version", version),
        ("algorithm", "a"),
        ("auth_data", $$"""{"v":{{version}}}"""),
        ("deleted", deleted ? (short)1 : (short)0),
        ("etag", etag));

    private Task BackupKeyAsync(long version, string roomId, string session, string json) => Source.InsertAsync(
        "e2e_room_keys",
        ("user_id", Id("alice")),
        ("room_id", roomId),
        ("session_id", session),
        ("version", version),
        ("first_message_index", 3),
        ("forwarded_count", 0),
        ("is_verified", true),
        ("session_data", json));

    private Task MessageAsync(string user, string device, long stream, string json) => Source.InsertAsync(
        "device_inbox",
        ("user_id", Id(user)), ("device_id", device), ("stream_id", stream), ("message_json", json));
}
