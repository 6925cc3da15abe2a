using System.Text.Json.Nodes;
using Matrix.Host.Api.Http;
using Matrix.Host.Api.Http.Owners;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Tests.SingleSignOn;
using Matrix.Host.Tests.ThirdPartyIds;
using Matrix.Host.Users.AppServices;
using Matrix.Host.Users.Sessions;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Http;

/// <summary>What the requests of each route belong to. `docs/authority.md`, "Routes".</summary>
[Parallelizable(ParallelScope.Self)]
public sealed class RouteOwnerTests
{
    private const string Alice = "@alice:test.example";
    private const string Delays = "/_matrix/client/unstable/org.matrix.msc4140/delayed_events";
    private const string Rendezvous = "/_matrix/client/unstable/io.element.msc4388/rendezvous";

    private static readonly AppService _service =
        new(TestServer.ServerName, "as-token", "irc") { Id = "irc", HomeserverToken = "hs-token" };

    private TestProvider _provider = null!;
    private AddressWorld _world = null!;
    private TestServer _other = null!;
    private List<Route> _ofClients = null!;
    private List<Route> _ofServers = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _provider = await TestProvider.StartAsync();
        _world = await AddressWorld.StartAsync(
            TestDatabase.Sqlite,
            ("sso.providers", $"[{_provider.Config()}]"),
            ("sso.allow_networks", "127.0.0.1/32"),
            ("rendezvous.enabled", "true"),
            ("compatibility.legacy_client_api", "true"));
        _other = await TestServer.StartFederatingAsync(settings: ("compatibility.legacy_federation", "true"));
        var clients = new ClientRoutes();
        foreach (var endpoints in _world.Server.Services.GetServices<IEndpoints>()) endpoints.Map(clients);
        var servers = new FederationRoutes();
        foreach (var endpoints in _other.Services.GetServices<IFederationEndpoints>()) endpoints.Map(servers);
        (_ofClients, _ofServers) = (clients.Collected, servers.Collected);
    }

    [OneTimeTearDown]
    public async Task StopAsync()
    {
        await _other.DisposeAsync();
        await _world.DisposeAsync();
        await _provider.DisposeAsync();
    }

    [Test]
    public void Every_route_says_what_its_requests_belong_to()
    {
        foreach (var (name, routes) in new[] { ("clients", _ofClients), ("servers", _ofServers) })
        {
            var kinds = routes.CountBy(static route => route.Options.Owner!.Kind).OrderByDescending(each => each.Value);
            TestContext.Out.WriteLine($"{routes.Count} routes of {name}: {string.Join(", ", kinds)}");
        }

        Assert.That(_ofClients, Has.Count.GreaterThan(500));
        Assert.That(_ofServers, Has.Count.GreaterThan(30));
        Assert.That(
            _ofClients.Concat(_ofServers).Select(static route => route.Options.Owner!.Kind).Distinct(),
            Is.EquivalentTo(Enum.GetValues<OwnerKind>()));
    }

    [Test]
    public void A_route_that_does_not_say_it_is_not_mapped()
    {
        Assert.That(
            static () => new ClientRoutes().Get("nothing", static (_, _) => new(Answer.Empty)),
            Throws.InvalidOperationException.With.Message.Contains("GET /_matrix/client/v3/nothing"));
        Assert.That(
            static () => new FederationRoutes().V2.Get("nothing", static (_, _) => new(Answer.Empty)),
            Throws.InvalidOperationException.With.Message.Contains("/v2/nothing"));
    }

    [Test]
    public void What_a_route_belongs_to_is_in_its_requests()
    {
        var wrong = _ofClients.Concat(_ofServers)
            .Where(static route => !Tells(route, route.Options.Owner!))
            .Select(static route => $"{route.Method} {route.Template}: {route.Options.Owner}");

        Assert.That(wrong, Is.Empty);
    }

    private static bool Tells(Route route, RouteOwner owner) => owner.Kind switch
    {
        OwnerKind.Room or OwnerKind.RoomOrAlias or OwnerKind.User or OwnerKind.Server =>
            route.Template.Contains($"{{{owner.Name}}}", StringComparison.Ordinal),
        OwnerKind.Minted => owner.Name is "session" or "state"
            || route.Template.Contains($"{{{owner.Name}}}", StringComparison.Ordinal),
        OwnerKind.Caller => route.Options.Access is not (Access.Anyone or Access.Servers),
        OwnerKind.AppService => route.Options.Access == Access.Users,
        OwnerKind.Origin => route.Options.Access == Access.Servers,
        OwnerKind.InBody => route.Method is "POST" or "PUT" or "DELETE" || route.Template.Contains("/api/v1/"),
        OwnerKind.InCookie => route.Options.IsPage,
        _ => true,
    };

    [TestCase("GET", "/_matrix/client/v3/sync", "nobody")]
    [TestCase("GET", "/_matrix/client/v3/rooms/!r:x/state", "nobody")]
    [TestCase("GET", "/_matrix/client/v3/rooms/!r:x/messages?dir=b", "Room !r:x")]
    [TestCase("PUT", "/_matrix/client/v3/rooms/!r:x/send/m.room.message/1", "Room !r:x")]
    [TestCase("PUT", "/_matrix/client/r0/rooms/%21r%3Ax/typing/@alice:test.example", "Room !r:x")]
    [TestCase("PUT", "/_matrix/client/v3/rooms/!r:x/state/m.room.name", "Room !r:x")]
    [TestCase("POST", "/_matrix/client/v3/join/!r:x", "Room !r:x")]
    [TestCase("POST", "/_matrix/client/v3/join/%23none:test.example", "nobody")]
    [TestCase("POST", "/_matrix/client/v3/knock/%23none:other.example", "nobody")]
    [TestCase("DELETE", "/_matrix/client/v3/directory/room/%23none:test.example", "nobody")]
    [TestCase("PUT", "/_matrix/client/v3/user/@bob:test.example/account_data/m.x", "User @alice:test.example")]
    [TestCase("PUT", "/_matrix/client/v3/sendToDevice/m.x/1", "User @alice:test.example")]
    [TestCase("POST", "/_synapse/admin/v1/deactivate/@bob:test.example", "User @bob:test.example")]
    [TestCase("POST", "/_synapse/admin/v1/deactivate/@bob:other.example", "nobody")]
    [TestCase("GET", "/_synapse/admin/v1/federation/destinations/other.example", "Server other.example")]
    [TestCase("POST", "/_synapse/admin/v1/background_updates/enabled", "Duty jobs")]
    [TestCase("POST", "/_matrix/client/v1/appservice/irc/ping", "AppService irc")]
    [TestCase("PUT", Rendezvous + "/abc", "a minted id")]
    [TestCase("POST", Rendezvous, "nobody")]
    [TestCase("GET", "/_matrix/client/v3/auth/m.login.dummy/fallback/web", "nobody")]
    [TestCase("GET", "/_matrix/client/v3/auth/m.login.dummy/fallback/web?session=%zz", "nobody")]
    [TestCase("POST", "/_matrix/client/v3/register", "nobody")]
    [TestCase("POST", "/_matrix/client/api/v1/join/!r:x", "Room !r:x")]
    [TestCase("PUT", "/_matrix/client/api/v1/join/!r:x/7", "Room !r:x")]
    [TestCase("POST", Delays + "/none/cancel", "nobody")]
    public async Task The_owner_of_a_request_of_a_client(string method, string target, string owner) =>
        Assert.That((await OwnerOfAsync(method, target)).ToString(), Is.EqualTo(owner));

    [TestCase("PUT", "/_matrix/federation/v1/send/1", "Server peer.example")]
    [TestCase("GET", "/_matrix/federation/v1/make_join/!r:x/@bob:peer.example", "Room !r:x")]
    [TestCase("PUT", "/_matrix/federation/v2/send_join/!r:x/$e", "Room !r:x")]
    [TestCase("PUT", "/_matrix/federation/v1/send_join/!r:x/$e", "Room !r:x")]
    [TestCase("PUT", "/_matrix/federation/v2/invite/!r:x/$e", "nobody")]
    [TestCase("GET", "/_matrix/federation/v1/backfill/!r:x?v=$e&limit=1", "nobody")]
    [TestCase("GET", "/_matrix/key/v2/server", "nobody")]
    public async Task The_owner_of_a_request_of_a_server(string method, string target, string owner) =>
        Assert.That((await OwnerOfAsync(method, target)).ToString(), Is.EqualTo(owner));

    [Test]
    public async Task An_id_in_the_query_is_decoded_as_handlers_read_it()
    {
        const string Page = "/_matrix/client/v3/auth/m.login.dummy/fallback/web?";

        Assert.That(await OwnerOfAsync("GET", Page + "session=a%2Bb"), Is.EqualTo(Authority.Minted("a+b")));
        Assert.That(await OwnerOfAsync("POST", Page + "x=1&session=a+b"), Is.EqualTo(Authority.Minted("a b")));
        Assert.That(await OwnerOfAsync("GET", Page + "s%65ssion=1&session=2"), Is.EqualTo(Authority.Minted("1")));
        Assert.That(await OwnerOfAsync("GET", Page + "session2=x&session"), Is.EqualTo(Authority.Nobody));
    }

    [Test]
    public async Task An_alias_belongs_to_its_room()
    {
        var alice = await _world.Server.RegistersAsync("aliaser");
        var room = (await alice.PostAsync("createRoom", new JsonObject
        {
            ["room_alias_name"] = "kitchen",
        })).Is(200).Member("room_id");
        var alias = UserActions.Esc("#kitchen:test.example");

        foreach (var (method, target) in new[]
        {
            ("POST", "/_matrix/client/v3/join/" + alias),
            ("POST", "/_matrix/client/v3/knock/" + alias),
            ("DELETE", "/_matrix/client/v3/directory/room/" + alias),
            ("POST", $"/_synapse/admin/v1/rooms/{alias}/make_room_admin"),
        })
        {
            Assert.That(await OwnerOfAsync(method, target), Is.EqualTo(Authority.Room(room)), target);
        }
    }

    [Test]
    public async Task A_delayed_event_belongs_to_its_room()
    {
        var alice = await _world.Server.RegistersAsync("delayer");
        var room = (await alice.PostAsync("createRoom")).Is(200).Member("room_id");
        var delayId = (await alice.PutAsync(
            $"rooms/{UserActions.Esc(room)}/send/m.room.message/1?org.matrix.msc4140.delay=600000",
            new JsonObject { ["msgtype"] = "m.text", ["body"] = "later" }))
            .Is(200).Member("delay_id");

        Assert.That(await OwnerOfAsync("POST", $"{Delays}/{delayId}/restart"), Is.EqualTo(Authority.Room(room)));
        Assert.That(await OwnerOfAsync("POST", $"{Delays}/{delayId}"), Is.EqualTo(Authority.Room(room)));
    }

    [Test]
    public void The_common_owners_are_found_without_memory()
    {
        var (route, request) = RequestOf("PUT", "/_matrix/client/v3/rooms/!r:x/send/m.room.message/1");
        for (var n = 0; n < 100; n++) Find();
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var n = 0; n < 10_000; n++) Find();

        Assert.That(GC.GetAllocatedBytesForCurrentThread() - before, Is.LessThan(10_000));

        void Find()
        {
            var found = route.Options.Owner!.FindAsync(request, CancellationToken.None);
            if (!found.IsCompletedSuccessfully) throw new AssertionException("Nothing is asked.");
        }
    }

    private async ValueTask<Authority> OwnerOfAsync(string method, string target)
    {
        var (route, request) = RequestOf(method, target);
        return await route.Options.Owner!.FindAsync(request, CancellationToken.None);
    }

    private (Route Route, RoutedRequest Request) RequestOf(string method, string target)
    {
        var table = new RouteTable(FederationRoutes.Serves(target) ? _ofServers : _ofClients);
        var match = table.Find(RequestPath.PathOf(target));
        Assert.That(match.Endpoint, Is.Not.Null, target);
        Assert.That(match.Endpoint!.TryFind(method, out var route, out var names), target);
        return (route, new RoutedRequest(names, match.Values, target)
        {
            ServerName = TestServer.ServerName,
            Caller = new Caller(new UserDevice(Alice, "PHONE"), IsAdmin: false, IsGuest: false),
            Service = _service,
            Peer = new Peer("peer.example"),
        });
    }
}
