using Matrix.Host.Network.FederationClient;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>What one user asks of silent servers does not delay others.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
internal sealed class SilentServersTests : IDisposable
{
    private static readonly TimeSpan _soon = TimeSpan.FromSeconds(20);

    private readonly CancellationTokenSource _ends = new();
    private TestServer _server = null!;
    private TestUser _alice = null!;
    private TestUser _mallory = null!;

    [SetUp]
    public async Task StartAsync()
    {
        var peer = new StubPeer();
        peer.Responds = async (request, stop) =>
        {
            if (!request.Destination.StartsWith("silent", StringComparison.Ordinal)) return StubPeer.Parts("a content");
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _ends.Token);
            await Task.Delay(Timeout.Infinite, either.Token).ContinueWith(static _ => { }, TaskScheduler.Default);
            return StubPeer.Fails(FederationFailureKind.TimedOut);
        };
        Peer = peer;
        _server = await TestServer.StartAsync(
            ("media.remote_fetches", "8"), ("media.remote_fetches_waiting_of_user", "30"));
        _server.Replaces = parts => parts.AddSingleton<IFederationClient>(peer);
        await _server.RestartAsync();
        (_alice, _mallory) = (await _server.RegistersAsync("alice"), await _server.RegistersAsync("mallory"));
    }

    private StubPeer Peer { get; set; } = null!;

    [TearDown]
    public async Task StopAsync()
    {
        await _ends.CancelAsync();
        await _server.DisposeAsync();
    }

    public void Dispose() => _ends.Dispose();

    [Test]
    public async Task Forty_downloads_from_silent_servers_leave_places_for_the_downloads_of_others()
    {
        // The last of them is one that somebody else wants, too.
        var downloads = Enumerable.Range(0, 28).Select(i => _mallory.DownloadsAsync($"silent{i}.test/picture"))
            .Append(_mallory.DownloadsAsync("good.test/both")).ToList();
        int Silent() => Peer.Requests.Count(request => request.StartsWith("silent", StringComparison.Ordinal));
        await Until.HoldsAsync(() => Silent() >= 2);
        await Task.Delay(100);
        Assert.That(Silent(), Is.EqualTo(2), "A quarter of eight.");

        var own = await _alice.DownloadsAsync("good.test/own").WaitAsync(_soon);
        Assert.That(own.HasStatus(200).Text, Is.EqualTo("a content"));
        (await _alice.DownloadsAsync("good.test/both").WaitAsync(_soon)).HasStatus(200);
        (await downloads[^1].WaitAsync(_soon)).HasStatus(200);

        // Beyond what may wait for one user.
        Assert.That(downloads.Take(28).Select(download => download.IsCompleted), Is.All.False);
        var more = Enumerable.Range(0, 12).Select(i => _mallory.DownloadsAsync($"silent{i}.test/more")).ToList();
        await Until.HoldsAsync(() => more.Count(download => download.IsCompleted) >= 10);
        (await more.First(download => download.IsCompleted)).Is(429, "M_LIMIT_EXCEEDED");

        await _ends.CancelAsync();
        foreach (var reply in await Task.WhenAll(downloads.Take(28))) Assert.That(reply.Status, Is.EqualTo(502));
    }
}
