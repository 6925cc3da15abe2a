using System.Text.Json.Nodes;
using Matrix.Host.Media.Store;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Tests.Media;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Media of a server of several nodes, which share a folder.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class SprayedMediaTests
{
    private const string V1 = "/_synapse/admin/v1/";

    private readonly StubPeer _peer = new();
    private readonly Dictionary<TestServer, HeldFiles> _held = [];
    private TestServer _cluster = null!;
    private TestUser _alice = null!;
    private TestUser _root = null!;

    [OneTimeSetUp]
    public async Task StartAsync()
    {
        _cluster = await TestServer.StartNodesAsync(3);
        foreach (var node in _cluster.Nodes)
        {
            node.Replaces = parts =>
            {
                var files = (IMediaFiles)parts.Last(static part => part.ServiceType == typeof(IMediaFiles))
                    .ImplementationInstance!;
                parts.AddSingleton<Matrix.Host.Network.FederationClient.IFederationClient>(_peer)
                    .AddSingleton<IMediaFiles>(_held[node] = new HeldFiles(files));
            };
        }

        await _cluster.RestartAsync();
        _alice = await _cluster.RegistersAsync("alice");
        _root = await _cluster.RegistersAsync("root");
        await _cluster.Services.GetRequiredService<OpenedStorage>().Writer.WriteAsync(
            Batches.New(1).Add(new AdminChanged(_root.UserId, true)), CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task StopAsync() => await _cluster.DisposeAsync();

    /// <summary>The user at a node that is not drawn: the second or the third.</summary>
    private TestClient At(int node, TestUser user) => new(_cluster.Nodes[node], user.Token);

    private async Task<IReadOnlyList<Reply>> EverywhereAsync(string uri)
    {
        var replies = new List<Reply>();
        foreach (var client in (TestClient[])[_alice, At(1, _alice), At(2, _alice)])
        {
            replies.Add(await client.DownloadsAsync(uri));
        }

        return replies;
    }

    [Test]
    public async Task What_is_uploaded_at_one_node_is_downloaded_at_all()
    {
        foreach (var node in (int[])[1, 2])
        {
            var uri = await At(node, _alice).UploadsAsync($"of node {node}");
            foreach (var reply in await EverywhereAsync(uri))
            {
                Assert.That(reply.HasStatus(200).Text, Is.EqualTo($"of node {node}"));
            }
        }
    }

    [Test]
    public async Task Thumbnails_are_made_anywhere_and_found_by_all()
    {
        var uri = MediaActions.UriOf(await At(1, _alice).SendAsync(
            HttpMethod.Post,
            "/_matrix/media/v3/upload",
            new ByteArrayContent(await TestImages.MakeAsync("png", 400, 300))));
        var tags = new List<string>();

        foreach (var node in (int[])[2, 1])
        {
            var reply = await At(node, _alice).GetAsync(
                $"/_matrix/client/v1/media/thumbnail/{uri}?width=64&height=48");
            Assert.That(reply.Status, Is.EqualTo(200));
            tags.Add(reply.Text);
        }

        Assert.That(tags.Distinct(), Has.Exactly(1).Items);
        var folder = Path.Combine(_cluster.Folder, "media", "thumbnails");
        Assert.That(Directory.GetFiles(folder, "*.jpg", SearchOption.AllDirectories), Has.Length.EqualTo(1));
    }

    [Test]
    public async Task A_download_waits_at_another_node_for_the_content()
    {
        var uri = await At(1, _alice).CreatesUriAsync();
        var downloads = new[] { At(1, _alice), At(2, _alice) }
            .Select(client => client.DownloadsAsync(uri + "?timeout_ms=60000")).ToList();
        await Task.Delay(300);
        Assert.That(downloads.Select(static one => one.IsCompleted), Has.None.True);

        (await At(1, _alice).FillsAsync(uri, "later")).Is(200);

        foreach (var reply in await Task.WhenAll(downloads).WaitAsync(TimeSpan.FromSeconds(20)))
        {
            Assert.That(reply.HasStatus(200).Text, Is.EqualTo("later"));
        }

        (await At(2, _alice).FillsAsync(uri, "again")).Is(409, "M_CANNOT_OVERWRITE_MEDIA");
    }

    [Test]
    public async Task A_content_that_an_administrator_deletes_is_gone_everywhere()
    {
        var uri = await At(1, _alice).UploadsAsync("to delete");
        foreach (var reply in await EverywhereAsync(uri)) reply.HasStatus(200);

        (await At(2, _root).DeleteAsync($"{V1}media/{uri}")).Is(200);

        foreach (var reply in await EverywhereAsync(uri)) reply.Is(404, "M_NOT_FOUND");
    }

    [Test]
    public async Task A_quarantine_holds_everywhere_and_for_later_uploads()
    {
        var uri = await At(1, _alice).UploadsAsync("doubtful");
        (await At(2, _root).PostAsync($"{V1}media/quarantine/{uri}")).Is(200);
        foreach (var reply in await EverywhereAsync(uri)) reply.Is(404, "M_NOT_FOUND");
        foreach (var reply in await EverywhereAsync(await At(2, _alice).UploadsAsync("doubtful")))
        {
            reply.Is(404, "M_NOT_FOUND");
        }

        (await At(1, _root).PostAsync($"{V1}media/unquarantine/{uri}")).Is(200);

        foreach (var reply in await EverywhereAsync(uri)) reply.HasStatus(200);
    }

    [Test]
    public async Task A_content_of_another_server_is_fetched_by_one_node_and_found_by_all()
    {
        const string uri = "peer.test/once";
        (await At(1, _alice).DownloadsAsync(uri)).HasStatus(200);

        foreach (var reply in await EverywhereAsync(uri))
        {
            Assert.That(reply.HasStatus(200).Text, Is.EqualTo("a content"));
        }

        Assert.That(
            _peer.Requests.Where(static request => request.Contains("once", StringComparison.Ordinal)),
            Has.Exactly(1).Items);
    }

    [Test]
    public async Task Two_nodes_may_fetch_one_content_at_once()
    {
        const string uri = "peer.test/twice";
        var both = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = 0;
        var responds = _peer.Responds;
        _peer.Responds = async (_, stop) =>
        {
            if (Interlocked.Increment(ref asked) == 2) both.SetResult();
            await both.Task.WaitAsync(stop);
            return StubPeer.Parts("fetched by two");
        };
        try
        {
            var replies = await Task.WhenAll(At(1, _alice).DownloadsAsync(uri), At(2, _alice).DownloadsAsync(uri));
            Assert.That(replies.Select(static reply => reply.HasStatus(200).Text), Is.All.EqualTo("fetched by two"));
        }
        finally
        {
            _peer.Responds = responds;
        }

        foreach (var reply in await EverywhereAsync(uri)) reply.HasStatus(200);
        (await _root.DeleteAsync($"{V1}media/{uri}")).Is(200);
    }

    [Test]
    public async Task A_deletion_that_hangs_does_not_take_the_file_of_an_upload_to_another_node()
    {
        const string content = "the same content";
        var first = await At(1, _alice).UploadsAsync(content);
        var held = _held[_cluster.Nodes[1]];
        held.Holds();
        var deletion = At(1, _root).DeleteAsync($"{V1}media/{first}");
        await held.Waits.WaitAsync(TimeSpan.FromSeconds(20));

        var second = await At(2, _alice).UploadsAsync(content).WaitAsync(TimeSpan.FromSeconds(20));
        held.Releases();
        (await deletion).Is(200);

        foreach (var reply in await EverywhereAsync(second))
        {
            Assert.That(reply.HasStatus(200).Text, Is.EqualTo(content));
        }
    }

    [Test]
    public async Task No_URI_is_left_without_its_file_while_nodes_delete_and_upload_one_content()
    {
        const string content = "one content again and again";
        var last = await At(1, _alice).UploadsAsync(content);
        for (var round = 0; round < 40; round++)
        {
            var (from, to) = round % 2 == 0 ? (1, 2) : (2, 1);
            var deletion = At(from, _root).DeleteAsync($"{V1}media/{last}");
            var uploads = new[] { to, from }.Select(node => At(node, _alice).UploadsAsync(content)).ToList();
            (await deletion).Is(200);
            var uris = await Task.WhenAll(uploads);
            foreach (var uri in uris)
            {
                var reply = await At(from, _alice).DownloadsAsync(uri);
                Assert.That((reply.Status, reply.Text), Is.EqualTo((200, content)), $"round {round}");
            }

            (await At(to, _root).DeleteAsync($"{V1}media/{uris[1]}")).Is(200);
            last = uris[0];
        }
    }

    /// <summary>Files of which a deletion can be held up.</summary>
    private sealed class HeldFiles(IMediaFiles files) : IMediaFiles
    {
        private TaskCompletionSource _waits = new();
        private TaskCompletionSource? _held;

        /// <summary>Completes when a deletion is held up.</summary>
        internal Task Waits => _waits.Task;

        internal void Holds()
        {
            _waits = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _held = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        internal void Releases()
        {
            _held!.SetResult();
            _held = null;
        }

        public ValueTask KeepAsync(SpooledFile file, string name, CancellationToken stop) =>
            files.KeepAsync(file, name, stop);

        public ValueTask<MediaFile?> OpenAsync(string name, CancellationToken stop) => files.OpenAsync(name, stop);

        public async ValueTask DeleteAsync(string name, CancellationToken stop)
        {
            if (_held is { } held)
            {
                _waits.TrySetResult();
                await held.Task.WaitAsync(stop);
            }

            await files.DeleteAsync(name, stop);
        }

        public IAsyncEnumerable<IReadOnlyList<string>> ListAsync(
            DateTimeOffset after, DateTimeOffset before, CancellationToken stop) =>
            files.ListAsync(after, before, stop);
    }
}
