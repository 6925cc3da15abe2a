using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Crypto;

namespace Matrix.Federation.Tests.Keys;

/// <summary>A server changes its signing key, with other servers in its rooms. On both databases.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
public sealed class KeyRotationTests(string databaseKind) : DatabaseTests(databaseKind)
{
    private const string Interval = "federation.own_key_check_interval";

    // The other server has just fetched the keys, and would wait before it fetches them again.
    private static readonly (string, string) _noPause = ("federation.key_fetch_pause", "100ms");

    [Test]
    public async Task After_a_rotation_rooms_go_on_and_the_former_key_verifies_what_is_old_only()
    {
        await using var here = await TestServer.StartFederatingAsync(null, (Interval, "100ms"));
        await using var there = await TestServer.StartFederatingAsync(await NewDatabaseAsync(), _noPause);
        var alice = await here.RegistersAsync("alice");
        var bob = await there.RegistersAsync("bob");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        await alice.SaysAsync(roomId, "before");
        await JoinAsync(bob, roomId, here);
        var former = SigningKeyFile.Read(FileOf(here)).InUse;
        (await ProfileAsync(here, there, former)).Is(200);
        var token = (string)(await alice.PostAsync($"user/{alice.UserId}/openid/request_token"))
            .Is(200).Json["access_token"]!;

        var from = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var key = SigningKeyFile.Generate();
        SigningKeyFile.Rotate(FileOf(here), key);
        var published = await PublishesAsync(here, key.Id);

        var old = published["old_verify_keys"]![former.Id]!;
        Assert.That((string?)old["key"], Is.EqualTo(former.PublicKeyText));
        Assert.That((long)old["expired_ts"]!, Is.InRange(from, DateTimeOffset.UtcNow.ToUnixTimeMilliseconds()));
        Assert.That(published["verify_keys"]!.AsObject().Select(each => each.Key), Is.EqualTo(new[] { key.Id }));

        await alice.SaysAsync(roomId, "after");
        await SeesAsync(bob, roomId, "after");
        await bob.SaysAsync(roomId, "back");
        await SeesAsync(alice, roomId, "back");
        (await ProfileAsync(here, there, key)).Is(200);
        (await ProfileAsync(here, there, former)).Is(401, "M_UNAUTHORIZED");

        // A server that knows neither key verifies the events of both.
        await using var late = await TestServer.StartFederatingAsync();
        var carol = await late.RegistersAsync("carol");
        await JoinAsync(carol, roomId, here);
        Assert.That(await carol.StateIdsAsync(roomId), Is.EquivalentTo(await alice.StateIdsAsync(roomId)));
        Assert.That(await HistoryAsync(carol, roomId), Is.SupersetOf(new[] { "before", "after" }));
        (await here.SendAsync(Peer.Request(
            here, "GET", $"/_matrix/federation/v1/openid/userinfo?access_token={Uri.EscapeDataString(token)}")))
            .Is(200);
    }

    [Test]
    public async Task A_stopped_server_takes_its_new_key_when_it_starts()
    {
        await using var here = await TestServer.StartFederatingAsync(await NewDatabaseAsync());
        await using var there = await TestServer.StartFederatingAsync(null, _noPause);
        var alice = await here.RegistersAsync("alice");
        var bob = await there.RegistersAsync("bob");
        var roomId = await alice.CreatesRoomAsync(version: "11");
        await JoinAsync(bob, roomId, here);
        var former = SigningKeyFile.Read(FileOf(here)).InUse;

        await here.StopAsync();
        var key = SigningKeyFile.Generate();
        SigningKeyFile.Rotate(FileOf(here), key);
        await here.StartAgainAsync();

        var published = await PublishesAsync(here, key.Id);
        Assert.That(published["old_verify_keys"]![former.Id]!["expired_ts"], Is.Not.Null);
        Assert.That(SigningKeyFile.Read(FileOf(here)).HasOpenEnd, Is.False);
        Assert.That(
            File.GetUnixFileMode(FileOf(here)), Is.EqualTo(UnixFileMode.UserRead | UnixFileMode.UserWrite));
        await alice.SaysAsync(roomId, "after");
        await SeesAsync(bob, roomId, "after");
    }

    [Test]
    public async Task A_running_server_takes_no_key_that_disowns_its_own()
    {
        await using var here = await TestServer.StartFederatingAsync(await NewDatabaseAsync(), (Interval, "100ms"));
        var own = SigningKeyFile.Read(FileOf(here)).InUse;

        File.Delete(FileOf(here));
        SigningKeyFile.Write(FileOf(here), SigningKeyFile.Generate());
        for (var n = 0; n < 400 && !here.Log.Contains("The signing key stays"); n++) await Task.Delay(50);

        Assert.That(here.Log, Does.Contain($"The signing key stays {own.Id}"));
        await PublishesAsync(here, own.Id);
    }

    private static string FileOf(TestServer server) => Path.Combine(server.Folder, "signing.key");

    private static async Task JoinAsync(TestUser user, string roomId, TestServer via) =>
        await user.JoinsAsync(roomId, via.Name);

    /// <summary>A request that is signed with a key of a server.</summary>
    private static Task<Reply> ProfileAsync(TestServer from, TestServer to, SigningKey key)
    {
        var target = $"/_matrix/federation/v1/query/profile?user_id=@bob:{to.Name}";
        var authorization = new Peer(from.Name).Authorization(to.Name, "GET", target, null, new PeerKey(key));
        return to.SendAsync(Peer.Request(to, "GET", target).With(authorization));
    }

    /// <summary>The published keys, once this one is in use.</summary>
    private static async Task<JsonObject> PublishesAsync(TestServer server, string keyId)
    {
        for (var attempt = 0; ; attempt++)
        {
            var keys = (await server.SendAsync(Peer.Request(server, "GET", "/_matrix/key/v2/server")))
                .Is(200).Matches("keys_server.yaml", "/server").Json;
            if (keys["verify_keys"]![keyId] is not null)
            {
                Assert.That(keys["signatures"]![server.Name]![keyId], Is.Not.Null);
                return keys;
            }

            Assert.That(attempt, Is.LessThan(200), $"{keyId} is not published");
            await Task.Delay(100);
        }
    }

    private static async Task SeesAsync(TestUser user, string roomId, string text)
    {
        for (var attempt = 0; !(await HistoryAsync(user, roomId)).Contains(text); attempt++)
        {
            Assert.That(attempt, Is.LessThan(200), $"{text} did not arrive");
            await Task.Delay(100);
        }
    }

    private static async Task<IReadOnlyList<string>> HistoryAsync(TestUser user, string roomId) =>
    [
        .. (await user.GetAsync($"rooms/{Uri.EscapeDataString(roomId)}/messages?dir=b&limit=50")).Is(200)
            .Json["chunk"]!.AsArray().Select(each => (string?)each!["content"]?["body"]).OfType<string>(),
    ];
}
