using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Matrix.Core.Json;
using Matrix.Host.Network.FederationClient;
using Matrix.Host.Network.SafeHttp;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Memberships;
using Matrix.Host.Storage.Tables.StrippedRooms;
using Microsoft.Extensions.DependencyInjection;
using JsonObject = System.Text.Json.Nodes.JsonObject;

namespace Matrix.Host.Tests.RoomDirectories;

/// <summary>What one user asks of silent servers about rooms, or does through them, does not delay others.</summary>
internal sealed class SilentServersTests : IFederationClient
{
    private const int Places = 8;
    private const int Share = Places / 4;

    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<string, int> _asked = new();
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _mallory = null!;

    [SetUp]
    public async Task StartAsync()
    {
        _asked.Clear();
        _server = await TestServer.StartAsync(
            ("federation.user_requests", $"{Places}"),
            ("federation.key_requests", $"{Places}"),
            ("federation.hierarchy_time", "10m"),
            ("federation.join_time", "10m"),
            ("profiles.remote_time", "10m"),
            ("federation.key_request_time", "10m"),
            ("federation.handshake_time", "10m"));
        _server.Replaces = parts => parts.AddSingleton<IFederationClient>(this);
        await _server.RestartAsync();
        (_alice, _mallory) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("mallory"));
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [TestCase("GET", "directory/room/%23a:SERVER", 404)]
    [TestCase("GET", "publicRooms?server=SERVER", 502)]
    [TestCase("GET", "/_matrix/client/v1/room_summary/!a:SERVER", 404)]
    [TestCase("POST", "join/!a:SERVER", 404)]
    [TestCase("POST", "join/%23a:SERVER", 404)]
    [TestCase("POST", "knock/!a:SERVER?via=SERVER", 404)]
    [TestCase("GET", "profile/@a:SERVER", 404)]
    public async Task One_user_who_asks_silent_servers_leaves_places_for_others(string method, string path, int status)
    {
        _ = Enumerable.Range(0, 30).Select(i => SendAsync(_mallory, method, path, $"silent{i}.test")).ToList();
        await UntilSharedAsync();

        (await SendAsync(_alice, method, path, "quick.test").WaitAsync(_soon)).Is(status, Code(status));
        Assert.That(_asked, Has.Count.EqualTo(Share));
    }

    [Test]
    public async Task A_space_of_silent_servers_leaves_places_for_the_spaces_of_others()
    {
        var own = await SpaceAsync(_alice, "quick.test");
        var silent = new List<string>();
        for (var i = 0; i < 5; i++) silent.Add(await SpaceAsync(_mallory, $"silent{i}.test"));
        _ = silent.Select(space => HierarchyAsync(_mallory, space)).ToList();
        await UntilSharedAsync();

        var found = await HierarchyAsync(_alice, own).WaitAsync(_soon);
        Assert.That(found.Is(200).Json["rooms"]!.AsArray(), Has.Count.EqualTo(1));
        Assert.That(_asked, Has.Count.EqualTo(Share));
    }

    [Test]
    public async Task Invites_that_one_user_rejects_at_silent_servers_leave_places_for_others()
    {
        for (var i = 0; i < 5; i++) await IsInvitedAsync(_mallory, $"silent{i}.test");
        await IsInvitedAsync(_alice, "quick.test");
        _ = Enumerable.Range(0, 5).Select(i => SendAsync(_mallory, "POST", "rooms/!a:SERVER/leave", $"silent{i}.test"))
            .ToList();
        await UntilSharedAsync();

        (await SendAsync(_alice, "POST", "rooms/!a:SERVER/leave", "quick.test").WaitAsync(_soon)).Is(200);
        Assert.That(_asked, Has.Count.EqualTo(Share));
    }

    [Test]
    public async Task Of_the_joins_that_may_wait_one_user_has_a_quarter()
    {
        await _server.RestartAsync(("federation.joins_waiting", "8"));
        _ = Enumerable.Range(0, 2).Select(i => SendAsync(_mallory, "POST", "join/!a:SERVER", $"silent{i}.test"))
            .ToList();
        await UntilSharedAsync();

        (await SendAsync(_mallory, "POST", "join/!a:SERVER", "quick.test")).Is(429, "M_LIMIT_EXCEEDED");
        (await SendAsync(_alice, "POST", "join/!a:SERVER", "quick.test")).Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_profile_for_which_somebody_waits_in_their_own_share_is_had_by_others()
    {
        const string Bob = "profile/@bob:SERVER";
        _ = Enumerable.Range(0, 5).Select(i => SendAsync(_mallory, "GET", Bob, $"silent{i}.test")).ToList();
        await UntilSharedAsync();
        var waits = SendAsync(_mallory, "GET", Bob, "quick.test");
        await Task.Delay(100);

        (await SendAsync(_alice, "GET", Bob, "quick.test").WaitAsync(TimeSpan.FromSeconds(5))).Is(404, "M_NOT_FOUND");
        Assert.That(waits.IsCompleted, Is.False);
    }

    public async ValueTask<FederationResult<Matrix.Core.Json.JsonObject>> SendAsync(
        FederationRequest request, CancellationToken stop)
    {
        await RespondAsync(request, stop);
        return new FederationFailure(FederationFailureKind.Refused, 404, "M_NOT_FOUND", "There is nothing.");
    }

    public async ValueTask<FederationResult<ReadOnlyMemory<byte>>> SendForBytesAsync(
        FederationRequest request, CancellationToken stop)
    {
        await RespondAsync(request, stop);
        return new FederationFailure(FederationFailureKind.Refused, 404, "M_NOT_FOUND", "There is nothing.");
    }

    public ValueTask<FederationResult<OpenReply>> OpenAsync(FederationRequest request, CancellationToken stop) =>
        throw new NotSupportedException();

    private async Task RespondAsync(FederationRequest request, CancellationToken stop)
    {
        if (request.Destination == "quick.test") return;
        _asked[request.Destination] = 1;
        await Task.Delay(Timeout.Infinite, stop);
    }

    /// <summary>Waits until one user has as many requests as one may have.</summary>
    private async Task UntilSharedAsync()
    {
        for (var i = 0; i < 3000 && _asked.Count < Share; i++) await Task.Delay(10);
        await Task.Delay(200);
        Assert.That(_asked, Has.Count.EqualTo(Share), "A quarter of the places.");
    }

    private static string Code(int status) => status == 404 ? "M_NOT_FOUND" : "M_UNKNOWN";

    private static Task<Reply> SendAsync(TestUser user, string method, string path, string server) =>
        user.SendAsync(
            new HttpMethod(method),
            path.Replace("SERVER", server, StringComparison.Ordinal),
            method == "POST" ? TestClient.Raw("{}") : null);

    private static Task<Reply> HierarchyAsync(TestUser user, string space) =>
        user.GetAsync($"/_matrix/client/v1/rooms/{space}/hierarchy");

    /// <summary>A space with a room of another server.</summary>
    private static async Task<string> SpaceAsync(TestUser user, string server) => (await user.PostAsync(
        "createRoom",
        new JsonObject
        {
            ["creation_content"] = new JsonObject { ["type"] = "m.space" },
            ["initial_state"] = new JsonArray(new JsonObject
            {
                ["type"] = "m.space.child",
                ["state_key"] = $"!child:{server}",
                ["content"] = new JsonObject { ["via"] = new JsonArray(server) },
            }),
        })).Is(200).Member("room_id");

    private async Task IsInvitedAsync(TestUser user, string server)
    {
        var invite = new StrippedRoomRow(
            $"!a:{server}",
            "10",
            server,
            Membership.Invite,
            $"@bob:{server}",
            "$" + server,
            "{}"u8.ToArray(),
            "[]"u8.ToArray(),
            Position: 0);
        await _server.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Require(new StrippedRoomEntered(user.UserId, invite, 100)), default);
    }
}
