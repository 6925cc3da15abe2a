using System.Text;
using System.Text.Json.Nodes;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.OutboundMessages;
using Matrix.Host.Storage.Tables.ReceivedMessages;
using Matrix.Import.Federation;
using Matrix.Import.Runs;
using Matrix.Import.Tests.Runs;

namespace Matrix.Import.Tests.Federation;

/// <summary>What is known of other servers after an import, and what they are owed.</summary>
internal sealed class FederationImportTests(string sourceKind, string targetKind)
    : ImportedServerTests(sourceKind, targetKind)
{
    protected override IReadOnlyList<string> Tables =>
    [
        FederationTables.Destinations,
        FederationTables.DestinationRooms,
        FederationTables.Positions,
        """
        CREATE TABLE device_federation_outbox (
            destination TEXT NOT NULL, stream_id BIGINT NOT NULL, queued_ts BIGINT NOT NULL,
            messages_json TEXT NOT NULL)
        """,
        """
        CREATE TABLE device_federation_inbox (
            origin TEXT NOT NULL, message_id TEXT NOT NULL, received_ts BIGINT NOT NULL)
        """,
        """
        CREATE TABLE received_transactions (
            transaction_id TEXT, origin TEXT, ts BIGINT, response_code INTEGER, response_json BYTEA)
        """,
        """
        CREATE TABLE server_signature_keys (
            server_name TEXT, key_id TEXT, from_server TEXT, ts_added_ms BIGINT, verify_key BYTEA,
            ts_valid_until_ms BIGINT)
        """,
        """
        CREATE TABLE server_keys_json (
            server_name TEXT NOT NULL, key_id TEXT NOT NULL, from_server TEXT NOT NULL, ts_added_ms BIGINT NOT NULL,
            ts_valid_until_ms BIGINT NOT NULL, key_json BYTEA NOT NULL)
        """,
    ];

    protected override IReadOnlyList<IImportPart> Parts => FederationParts.All;

    [Test]
    public async Task Servers_that_did_not_answer_are_tried_again_when_synapse_would_have()
    {
        await DestinationAsync("up.org", lastTry: 0, interval: 0);
        await DestinationAsync("new.org", lastTry: null, interval: null);
        await DestinationAsync("down.org", lastTry: 1_000, interval: 600_000);
        await DestinationAsync("dead.org", lastTry: 1_000, interval: 604_800_000);

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        var rows = await target.Destinations.ListAsync("", 9, Stop);
        Assert.That(
            rows.Select(static row => (row.ServerName, row.RetryAt)),
            Is.EqualTo(new[] { ("dead.org", 604_801_000L), ("down.org", 601_000L) }));
        Assert.That(rows[1].Failures, Is.InRange(3, rows[0].Failures - 1));
    }

    [Test]
    public async Task The_sender_goes_on_at_synapses_position()
    {
        await Source.InsertAsync(
            "federation_stream_position", ("type", "federation"), ("stream_id", -1), ("instance_name", "a"));
        foreach (var (instance, at) in new[] { ("a", 40), ("b", 37) })
        {
            await Source.InsertAsync(
                "federation_stream_position", ("type", "events"), ("stream_id", at), ("instance_name", instance));
        }

        await ImportAsync();

        await using var target = await OpenTargetAsync(numbers: null);
        Assert.That(await target.Consumers.PositionAsync("federation", Stop), Is.EqualTo(37), "of the slowest");
    }

    [Test]
    public async Task Messages_to_devices_that_servers_are_owed_keep_their_ids_and_order()
    {
        const string message = """
            {"messages":{"@bob:b.org":{"B":{"body":"\u00fc"}}},"sender":"@alice:x","type":"m.a","message_id":"one",
             "org.matrix.opentracing_context":"{}"}
            """;
        await OutboxAsync("b.org", 9, message.Replace("one", "two", StringComparison.Ordinal));
        await OutboxAsync("b.org", 7, message);
        await OutboxAsync("b.org", 11, message.Replace("\"\\u00fc\"", "1.5", StringComparison.Ordinal));
        await OutboxAsync("c.org", 8, "broken");
        await OutboxAsync("c.org", 10, "{}");

        await ImportAsync();

        await using (var target = await OpenTargetAsync(numbers: null))
        {
            var rows = await target.OutboundMessages.NextAsync("b.org", default(MessagePlace), 9, 1 << 20, Stop);
            Assert.That(rows.Select(static row => row.Place.Position), Is.EqualTo(new[] { 7, 9 }));
            Assert.That(
                Encoding.UTF8.GetString(rows[0].Json.Span),
                Is.EqualTo("""
                    {"content":{"message_id":"one","messages":{"@bob:b.org":{"B":{"body":"ü"}}},"sender":"@alice:x",
                    "type":"m.a"},"edu_type":"m.direct_to_device"}
                    """.ReplaceLineEndings("")));
            Assert.That(await target.OutboundMessages.BytesOfSenderAsync("@alice:x", Stop), Is.Zero);
            Assert.That(await target.OutboundMessages.CountStoredBeforeAsync("b.org", 5_001, Stop), Is.EqualTo(2));
        }

        Assert.That(
            (await FindingsAsync()).Select(static each => each.Subject),
            Is.EqualTo(new[] { "b.org 11", "c.org 8", "c.org 10" }));
    }

    [Test]
    public async Task What_other_servers_sent_last_is_known_and_not_taken_again()
    {
        foreach (var (id, at) in new[] { ("late", 3L), ("early", 1L), ("later", 9L) })
        {
            await Source.InsertAsync(
                "device_federation_inbox", ("origin", "b.org"), ("message_id", id), ("received_ts", at));
        }

        await TransactionAsync("b.org", "1", 5, 200, """{"pdus":{}}""");
        await TransactionAsync("b.org", "2", 7, 200, """{"pdus":{"$e":{}}}""");
        await TransactionAsync("b.org", "3", 9, 500, "{}");
        await TransactionAsync("c.org", "4", 1, 200, "broken");

        await ImportAsync();

        await using (var target = await OpenTargetAsync(numbers: null))
        {
            var last = (await target.ReceivedTransactions.LastAsync("b.org", Stop))!;
            Assert.That(
                (last.TransactionId, Encoding.UTF8.GetString(last.Response.Span)),
                Is.EqualTo(("2", """{"pdus":{"$e":{}}}""")));
            Assert.That(await target.ReceivedTransactions.LastAsync("c.org", Stop), Is.Null);
            Assert.That(await target.ReceivedMessages.CountAsync("b.org", Stop), Is.EqualTo(3));

            // The latest are kept.
            await target.Writer.WriteAsync(
                new WriteBatch(Authority.Nobody).Add(new ReceivedMessagesTrimmed("b.org", 2)), Stop);
            MessageReceived[] again = [new("b.org", "late"), new("b.org", "later"), new("b.org", "early")];
            var batch = new WriteBatch(Authority.Nobody);
            foreach (var each in again) batch.Add(each);
            await target.Writer.WriteAsync(batch, Stop);
            Assert.That(again.Select(static each => each.Applied), Is.EqualTo(new[] { false, false, true }));
        }

        Assert.That((await FindingsAsync()).Single().Subject, Is.EqualTo("c.org 4"));
    }

    [Test]
    public async Task Keys_of_servers_come_with_their_responses_validity_and_ends()
    {
        const long day = 86_400_000;
        var older = Response("b.org", [("ed25519:old", 1)], [("ed25519:first", 7, 50L)], until: 5_000);
        var newer = Response("b.org", [("ed25519:new", 2)], [("ed25519:old", 1, 3_000L)], until: 400 * day);
        var notary = Response("b.org", [("ed25519:other", 3)], [], until: 9_000);
        foreach (var (id, from, at, json) in new[]
        {
            ("ed25519:old", "b.org", 1_000L, older),
            ("ed25519:first", "b.org", 1_000L, older),
            ("ed25519:new", "b.org", 4_000L, newer),
            ("ed25519:other", "notary.org", 6_000L, notary),
            ("ed25519:broken", "b.org", 500L, "broken"),
        })
        {
            await ResponseAsync("b.org", id, from, at, json);
        }

        await Source.InsertAsync(
            "server_signature_keys",
            ("server_name", "b.org"),
            ("key_id", "ed25519:bare"),
            ("from_server", "b.org"),
            ("ts_added_ms", 800L),
            ("verify_key", Key(8)),
            ("ts_valid_until_ms", 900L));
        await Source.InsertAsync(
            "server_signature_keys",
            ("server_name", "bad.org"),
            ("key_id", "ed25519:short"),
            ("from_server", "bad.org"),
            ("ts_added_ms", 800L),
            ("verify_key", new byte[] { 1 }),
            ("ts_valid_until_ms", 900L));

        await ImportAsync();

        await using (var target = await OpenTargetAsync(numbers: null))
        {
            var keys = (await target.ServerKeys.OfServerAsync("b.org", Stop)).ToDictionary(static key => key.KeyId);
            Assert.That(
                keys.Values.Select(static key => (key.KeyId, key.ValidUntil, key.ExpiredAt, key.FetchedAt)),
                Is.EquivalentTo(new[]
                {
                    ("ed25519:new", 4_000 + (7 * day), (long?)null, 4_000L),
                    ("ed25519:old", 3_000L, 3_000L, 4_000L),
                    ("ed25519:first", 50L, 50L, 1_000L),
                    ("ed25519:other", 9_000L, null, 6_000L),
                    ("ed25519:bare", 900L, null, 800L),
                }));
            Assert.That(keys["ed25519:new"].PublicKey.ToArray(), Is.EqualTo(Key(2)));
            var responses = await target.ServerKeys.ResponsesAsync("b.org", Stop);
            Assert.That(
                responses.Select(static each => (Encoding.UTF8.GetString(each.Json.Span), each.FetchedAt)),
                Is.EqualTo(new[] { (newer, 4_000L), (older, 1_000L), (notary, 0L) }),
                "the server's own first, as they were");
            Assert.That(await target.ServerKeys.OfServerAsync("bad.org", Stop), Is.Empty);
        }

        Assert.That(
            (await FindingsAsync()).Select(static each => each.Subject),
            Is.EqualTo(new[] { "b.org ed25519:broken", "bad.org ed25519:short", "bad.org" }));
    }

    private static byte[] Key(byte seed) => [.. Enumerable.Repeat(seed, 32)];

    private static string Text(byte seed) => Convert.ToBase64String(Key(seed)).TrimEnd('=');

    private static string Response(
        string server, (string Id, byte Seed)[] inUse, (string Id, byte Seed, long Expired)[] old, long until) =>
        new JsonObject
        {
            ["server_name"] = server,
            ["valid_until_ts"] = until,
            ["verify_keys"] = new JsonObject(inUse.Select(
                static key => KeyValuePair.Create(key.Id, (JsonNode?)new JsonObject { ["key"] = Text(key.Seed) }))),
            ["old_verify_keys"] = new JsonObject(old.Select(
                static key => KeyValuePair.Create(
                    key.Id, (JsonNode?)new JsonObject { ["key"] = Text(key.Seed), ["expired_ts"] = key.Expired }))),
            ["signatures"] = new JsonObject(),
        }.ToJsonString();

    private Task DestinationAsync(string server, long? lastTry, long? interval) => Source.InsertAsync(
        "destinations", ("destination", server), ("retry_last_ts", lastTry), ("retry_interval", interval));

    private Task OutboxAsync(string server, long id, string json) => Source.InsertAsync(
        "device_federation_outbox",
        ("destination", server), ("stream_id", id), ("queued_ts", 5_000L), ("messages_json", json));

    private Task TransactionAsync(string origin, string id, long at, int status, string response) =>
        Source.InsertAsync(
            "received_transactions",
            ("transaction_id", id),
            ("origin", origin),
            ("ts", at),
            ("response_code", status),
            ("response_json", Encoding.UTF8.GetBytes(response)));

    private Task ResponseAsync(string server, string keyId, string from, long at, string json) => Source.InsertAsync(
        "server_keys_json",
        ("server_name", server),
        ("key_id", keyId),
        ("from_server", from),
        ("ts_added_ms", at),
        ("ts_valid_until_ms", 1L),
        ("key_json", Encoding.UTF8.GetBytes(json)));
}
