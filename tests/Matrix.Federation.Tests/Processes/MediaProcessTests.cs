namespace Matrix.Federation.Tests.Processes;

/// <summary>Media between two server processes.</summary>
public sealed class MediaProcessTests
{
    [Test]
    public async Task A_content_is_kept_where_it_was_fetched_though_its_server_ends()
    {
        await using var here = await ServerProcess.StartAsync();
        await using var there = await ServerProcess.StartAsync();
        var alice = await here.RegistersAsync("alice");
        var bob = await there.RegistersAsync("bob");
        var content = new string('x', 3_000_000);
        var uri = await alice.UploadsAsync(content, "image/jpeg", "a.jpg");
        Assert.That((await bob.DownloadsAsync(uri)).Text, Is.EqualTo(content));

        await here.Process.StopAsync();
        await there.Process.KillAsync();
        await there.Process.StartAsync();

        var reply = await bob.DownloadsAsync(uri);
        Assert.That((reply.Status, reply.Text == content), Is.EqualTo((200, true)));
        Assert.That(reply.ContentHeaders.ContentType!.ToString(), Is.EqualTo("image/jpeg"));
        Assert.That(reply.ContentHeaders.ContentDisposition!.FileName, Is.EqualTo("a.jpg"));
    }
}
