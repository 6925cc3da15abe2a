using System.Text.Json.Nodes;
using Matrix.Federation.Tests.Support;
using Matrix.Host.Outbound.Federation.Edus;
using Matrix.Host.Storage.Tables.Memberships;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Federation.Tests.DeviceLists;

/// <summary>The servers that share a room with a user, and how often they are read.</summary>
public sealed class SharingServersTests
{
    private readonly Peer _one = new(Loopback.Next().ToString());
    private readonly Peer _other = new(Loopback.Next().ToString());
    private FailingReads _reads = null!;
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private string _room = null!;

    private SharingServers Sharing => _server.Services.GetRequiredService<SharingServers>();

    [SetUp]
    public async Task SetUpAsync()
    {
        _server = (await TestServer.StartWithKnownKeysAsync(services => services.AddSingleton(parts =>
        {
            _reads = FailingReads.Of(
                parts.GetRequiredService<IMembershipsTable>(), nameof(IMembershipsTable.ServersSharingWithAsync));
            return ActivatorUtilities.CreateInstance<SharingServers>(parts, _reads);
        }))).Knows(_one).Knows(_other);
        _alice = await _server.RegistersAsync("alice");
        _room = await _alice.CreatesRoomAsync(version: "11");
        await _one.JoinsAsync(_server, _room, "bob");
    }

    [TearDown]
    public async Task TearDownAsync() => await _server.DisposeAsync();

    [Test]
    public async Task Joins_and_leaves_elsewhere_cause_no_read()
    {
        var carol = await _server.RegistersAsync("carol");
        var elsewhere = await carol.CreatesRoomAsync(version: "11");
        await _one.JoinsAsync(_server, elsewhere, "bob");
        Assert.That(await SharesAsync(_one), Is.True);
        Assert.That(await SharesAsync(_other), Is.False);

        await _one.JoinsAsync(_server, _room, "dora");
        await _other.JoinsAsync(_server, elsewhere, "eve");
        await _alice.KicksAsync(_room, $"@dora:{_one.Name}");
        await carol.KicksAsync(elsewhere, $"@bob:{_one.Name}");

        Assert.That(await SharesAsync(_one), Is.True);
        Assert.That(await SharesAsync(_other), Is.False);
        Assert.That(_reads.Calls, Is.EqualTo(1));
    }

    [Test]
    public async Task A_server_that_joins_or_leaves_is_seen_at_once()
    {
        Assert.That(await SharesAsync(_other), Is.False);
        await _other.JoinsAsync(_server, _room, "eve");
        Assert.That(await SharesAsync(_other), Is.True);
        await _alice.KicksAsync(_room, $"@eve:{_other.Name}");
        Assert.That(await SharesAsync(_other), Is.False);

        Assert.That(await SharesAsync(_one), Is.True);
        await _alice.KicksAsync(_room, $"@bob:{_one.Name}");
        Assert.That(await SharesAsync(_one), Is.False);
        await _one.JoinsAsync(_server, await _alice.CreatesRoomAsync(version: "11"), "bob");
        Assert.That(await SharesAsync(_one), Is.True);
    }

    [Test]
    public async Task A_user_who_joins_or_leaves_shares_with_other_servers_at_once()
    {
        var carol = await _server.RegistersAsync("carol");
        Assert.That(await Sharing.ShareAsync(_one.Name, carol.UserId, default), Is.False);

        await carol.JoinsAsync(_room);
        Assert.That(await Sharing.ShareAsync(_one.Name, carol.UserId, default), Is.True);

        await carol.LeavesAsync(_room);
        Assert.That(await Sharing.ShareAsync(_one.Name, carol.UserId, default), Is.False);
    }

    private Task<bool> SharesAsync(Peer peer) => Sharing.ShareAsync(peer.Name, _alice.UserId, default).AsTask();
}
