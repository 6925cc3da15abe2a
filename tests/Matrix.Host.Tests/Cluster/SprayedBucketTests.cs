using Matrix.Host.Tests.Media;

namespace Matrix.Host.Tests.Cluster;

/// <summary>Media of several nodes in a bucket, where each has a folder of its own for thumbnails.</summary>
[Category(TestDatabase.Postgres)]
internal sealed class SprayedBucketTests
{
    [Test]
    public async Task Nodes_share_a_bucket_and_each_looks_after_its_own_thumbnails()
    {
        await using var bucket = await S3Stub.StartAsync();
        await using var cluster = await TestServer.StartNodesAsync(
            3,
            ("media.folder", ""),
            ("media.cleaning_interval", "1s"),
            ("media.local_kept", "1d"),
            ("media.s3_endpoint", bucket.Url),
            ("media.s3_bucket", "bucket"),
            ("media.s3_access_key", S3Stub.AccessKey),
            ("media.s3_secret_key", S3Stub.SecretKey));
        var alice = await cluster.RegistersAsync("alice");
        var (one, two) = (cluster.Nodes[1], cluster.Nodes[2]);
        var uri = MediaActions.UriOf(await new TestClient(one, alice.Token).SendAsync(
            HttpMethod.Post,
            "/_matrix/media/v3/upload",
            new ByteArrayContent(await TestImages.MakeAsync("png", 400, 300))));
        foreach (var node in (TestServer[])[one, two])
        {
            var client = new TestClient(node, alice.Token);
            (await client.DownloadsAsync(uri)).HasStatus(200);
            (await client.GetAsync($"/_matrix/client/v1/media/thumbnail/{uri}?width=64&height=48")).HasStatus(200);
            Assert.That(ThumbnailsOf(node), Has.Length.EqualTo(1));
        }

        // The node that cleans deletes the content, and each node a day later what it made of it.
        foreach (var node in cluster.Nodes) node.Ahead = TimeSpan.FromDays(2);
        await Until.HoldsAsync(() => bucket.Objects.IsEmpty);
        foreach (var node in cluster.Nodes) node.Ahead = TimeSpan.FromDays(4);

        await Until.HoldsAsync(() => ThumbnailsOf(one).Length + ThumbnailsOf(two).Length == 0);
    }

    private static string[] ThumbnailsOf(TestServer node) => Directory.GetFiles(
        Path.Combine(node.Folder, "media", "thumbnails"), "*.jpg", SearchOption.AllDirectories);
}
