using Matrix.Host.Media.Operators;
using Matrix.Host.Media.Store;
using Matrix.Host.Network.FederationClient;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Media of other servers, and what fails there and here.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class RemoteTests
{
    private const string Uri = "peer.test/picture";

    private readonly StubPeer _peer = new();
    private readonly StubFiles _files = new();
    private TestServer _server = null!;
    private TestUser _alice = null!;

    private async Task StartAsync(params (string Key, string Value)[] settings)
    {
        _server = await TestServer.StartAsync(settings);
        _server.Replaces = parts => parts
            .AddSingleton<IFederationClient>(_peer)
            .AddSingleton<IMediaFiles>(_files);
        await _server.RestartAsync();
        _alice = await _server.RegistersAsync("alice");
    }

    [TearDown]
    public async Task StopAsync() => await _server.DisposeAsync();

    [Test]
    public async Task A_quarantined_content_of_another_server_stays_away_after_its_time()
    {
        await StartAsync(("media.remote_kept", "30d"));
        Assert.That((await _alice.DownloadsAsync(Uri)).HasStatus(200).Text, Is.EqualTo("a content"));
        var operators = _server.Services.GetRequiredService<MediaOperations>();
        Assert.That((await operators.QuarantineAsync("mxc://" + Uri, "@admin:test.example", default)).IsDone);
        _server.Ahead = TimeSpan.FromDays(31);
        _peer.Responds = static (_, _) => ValueTask.FromResult(StubPeer.Parts("the same in other bytes"));

        await _server.CleansMediaAsync();

        (await _alice.DownloadsAsync(Uri)).Is(404, "M_NOT_FOUND");
        Assert.That(_peer.Requests, Has.Count.EqualTo(1));
    }

    [Test]
    public async Task A_copy_that_was_cut_off_is_fetched_again()
    {
        await StartAsync();
        (await _alice.DownloadsAsync(Uri)).HasStatus(200);
        _files.Contents[_files.Contents.Keys.Single()] = "a cont"u8.ToArray();

        Assert.That((await _alice.DownloadsAsync(Uri)).HasStatus(200).Text, Is.EqualTo("a content"));

        Assert.That(_peer.Requests, Has.Count.EqualTo(2));
    }

    [TestCase("download", "")]
    [TestCase("thumbnail", "&width=32&height=32")]
    public async Task A_client_of_the_deprecated_paths_may_ask_for_what_is_here_only(string kind, string more)
    {
        await StartAsync(("media.unauthenticated_until", DateTimeOffset.UtcNow.AddHours(1).ToString("o")));
        var path = $"/_matrix/media/v3/{kind}/{Uri}?allow_remote=";

        (await _server.Anyone.GetAsync(path + "false" + more)).Is(404, "M_NOT_FOUND");
        Assert.That(_peer.Requests, Is.Empty);
        (await _server.Anyone.GetAsync(path + "maybe" + more)).Is(400, "M_INVALID_PARAM");

        await _server.Anyone.GetAsync(path + "true" + more);
        Assert.That(_peer.Requests, Has.Count.EqualTo(1));
        if (kind == "download") (await _server.Anyone.GetAsync(path + "false")).HasStatus(200);
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_response_that_breaks_off_is_the_other_servers_failure(bool isOlder)
    {
        await StartAsync();
        _peer.Responds = (request, _) => ValueTask.FromResult(
            !isOlder ? StubPeer.BreaksOff()
            : request.IsSigned ? StubPeer.Fails(FederationFailureKind.Refused, 404, "M_UNRECOGNIZED")
            : StubPeer.OlderBreaksOff());

        for (var n = 0; n < 2; n++) (await _alice.DownloadsAsync(Uri)).Is(502, "M_UNKNOWN");

        Assert.That(_peer.Requests, Has.Count.EqualTo(isOlder ? 2 : 1));
        Assert.That(_server.Log, Does.Not.Contain("Exception"));
    }

    [Test]
    public async Task A_content_that_cannot_be_kept_is_this_servers_failure()
    {
        await StartAsync();
        _files.IsFull = true;

        (await _alice.DownloadsAsync(Uri)).Is(500, "M_UNKNOWN");

        Assert.That(_server.Log, Does.Contain("The test's disk is full."));
        _files.IsFull = false;
        (await _alice.DownloadsAsync(Uri)).HasStatus(200);
    }

    [TestCase(FederationFailureKind.Unreachable)]
    [TestCase(FederationFailureKind.Tls)]
    [TestCase(FederationFailureKind.TimedOut)]
    [TestCase(FederationFailureKind.NotFound)]
    public async Task A_silent_server_is_not_asked_for_its_other_files_for_a_while(FederationFailureKind kind)
    {
        await StartAsync(("media.remote_pause", "1m"));
        _peer.Responds = (_, _) => ValueTask.FromResult(StubPeer.Fails(kind));

        foreach (var id in new[] { "a", "b" }) (await _alice.DownloadsAsync("peer.test/" + id)).Is(502, "M_UNKNOWN");

        Assert.That(_peer.Requests, Has.Count.EqualTo(1));
        _peer.Responds = static (_, _) => ValueTask.FromResult(StubPeer.Parts("a content"));
        (await _alice.DownloadsAsync("other.test/a")).HasStatus(200);
        _server.Ahead = TimeSpan.FromMinutes(2);
        (await _alice.DownloadsAsync("peer.test/b")).HasStatus(200);
    }

    [Test]
    public async Task Files_that_wait_for_a_server_end_when_it_turns_out_silent()
    {
        await StartAsync(("media.remote_fetches_of_server", "1"), ("media.remote_time", "1s"));
        _peer.Responds = static async (_, stop) =>
        {
            await Task.Delay(Timeout.Infinite, stop);
            throw new NotSupportedException();
        };

        var replies = await Task.WhenAll(
            Enumerable.Range(0, 3).Select(n => _alice.DownloadsAsync($"peer.test/n{n}")));

        Assert.That(replies.Select(reply => reply.Status), Is.All.AnyOf(429, 502));
        Assert.That(_peer.Requests, Has.Count.EqualTo(1));
    }

    [TestCase(true)]
    [TestCase(false)]
    public async Task A_server_that_responds_is_asked_for_its_other_files(bool isRefusal)
    {
        await StartAsync();
        _peer.Responds = (_, _) => ValueTask.FromResult(
            isRefusal ? StubPeer.Fails(FederationFailureKind.Refused, 500, "M_UNKNOWN") : StubPeer.BreaksOff());
        (await _alice.DownloadsAsync("peer.test/a")).Is(502, "M_UNKNOWN");
        _peer.Responds = static (_, _) => ValueTask.FromResult(StubPeer.Parts("a content"));

        (await _alice.DownloadsAsync("peer.test/b")).HasStatus(200);
    }
}
