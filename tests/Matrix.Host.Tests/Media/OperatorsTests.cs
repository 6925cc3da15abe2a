using System.Net.Sockets;
using System.Text;
using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Media that operators delete or keep from being served, through the control socket.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class OperatorsTests(string kind) : TwoUsersTests(kind)
{
    private IMediaTable Table => Server.Services.GetRequiredService<IStorage>().Media;

    [Test]
    public async Task A_deleted_uri_leaves_the_file_to_another_one()
    {
        var first = await Alice.UploadsAsync("the same");
        var second = await Bob.UploadsAsync("the same");

        Assert.That(await AsksAsync("delete", "mxc://" + first), Is.EqualTo((200, $"deleted mxc://{first}")));

        (await Bob.DownloadsAsync(first)).Is(404, "M_NOT_FOUND");
        Assert.That((await Bob.DownloadsAsync(second)).Is(200).Text, Is.EqualTo("the same"));
        Assert.That((await AsksAsync("delete", "mxc://" + first)).Status, Is.EqualTo(409));
        await AsksAsync("delete", "mxc://" + second);
        Assert.That(MediaServer.FilesOf(Server), Is.Empty);
    }

    [Test]
    public async Task All_media_of_a_user_is_deleted_and_nobody_elses()
    {
        var own = new[] { await Alice.UploadsAsync("one"), await Alice.UploadsAsync("two") };
        var other = await Bob.UploadsAsync("three");

        Assert.That(await AsksAsync("delete-of-user", Alice.UserId), Is.EqualTo((200, $"deleted 2 of {Alice.UserId}")));

        foreach (var uri in own) (await Bob.DownloadsAsync(uri)).Is(404, "M_NOT_FOUND");
        (await Bob.DownloadsAsync(other)).Is(200);
        Assert.That(await AsksAsync("delete-of-user", Alice.UserId), Is.EqualTo(
            (409, $"{Alice.UserId} has no media")));
    }

    [Test]
    public async Task A_quarantine_covers_all_uris_of_a_content_and_later_uploads_until_it_is_released()
    {
        var first = await Alice.UploadsAsync("bad");
        var second = await Bob.UploadsAsync("bad");
        var good = await Bob.UploadsAsync("good");
        (await Bob.DownloadsAsync(first)).Is(200);

        var (status, said) = await AsksAsync("quarantine", "mxc://" + first);
        Assert.That((status, said), Is.EqualTo((200, said)), said);
        Assert.That(said, Does.EndWith("(URIs: 2)"));

        var later = await Bob.UploadsAsync("bad");
        foreach (var uri in new[] { first, second, later }) (await Alice.DownloadsAsync(uri)).Is(404, "M_NOT_FOUND");
        (await Alice.DownloadsAsync(good)).Is(200);
        var listed = await Table.ListAsync(new MediaListing { IsQuarantined = true }, 10, default);
        Assert.That(listed.Select(row => row.MediaId), Is.EquivalentTo(
            new[] { first, second, later }.Select(uri => uri.Split('/')[1])));

        // The content is known by its hash when no URI has it any more.
        foreach (var uri in new[] { first, second }) await AsksAsync("delete", "mxc://" + uri);
        Assert.That((await AsksAsync("release", listed[0].FileHash!)).Status, Is.EqualTo(200));
        Assert.That((await Alice.DownloadsAsync(later)).Is(200).Text, Is.EqualTo("bad"));
        Assert.That((await AsksAsync("release", "mxc://" + later)).Status, Is.EqualTo(409));
    }

    [Test]
    public async Task Media_is_listed_in_pages_by_user_and_server()
    {
        var own = new List<string>();
        for (var i = 0; i < 5; i++) own.Add(await Alice.UploadsAsync($"{i}"));
        await Bob.UploadsAsync("other");

        var listed = new List<MediaRow>();
        while (true)
        {
            var page = await Table.ListAsync(
                new MediaListing
                {
                    Uploader = Alice.UserId,
                    AfterOrigin = listed.Count == 0 ? "" : listed[^1].Origin,
                    AfterId = listed.Count == 0 ? "" : listed[^1].MediaId,
                },
                2,
                default);
            if (page.Count == 0) break;
            listed.AddRange(page);
        }

        Assert.That(
            listed.Select(row => $"{row.Origin}/{row.MediaId}"), Is.EqualTo(own.Order(StringComparer.Ordinal)));
        Assert.That(
            await Table.ListAsync(new MediaListing { Origin = "elsewhere.example" }, 10, default),
            Is.Empty);
    }

    [TestCase("delete", "mxc://test.example/nothing")]
    [TestCase("delete", "https://test.example/nothing")]
    [TestCase("quarantine", "mxc://test.example")]
    [TestCase("quarantine", "mxc://test.example/a/b")]
    [TestCase("release", "")]
    public async Task What_is_no_media_is_said(string command, string subject) =>
        Assert.That((await AsksAsync(command, subject)).Status, Is.EqualTo(409));

    [Test]
    public async Task Other_commands_are_unknown() =>
        Assert.That((await AsksAsync("burn", "mxc://test.example/x")).Status, Is.EqualTo(404));

    private async Task<(int Status, string Text)> AsksAsync(string command, string subject)
    {
        using var http = new HttpClient(new SocketsHttpHandler
        {
            ConnectCallback = async (_, stop) =>
            {
                var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                await socket.ConnectAsync(
                    new UnixDomainSocketEndPoint(Path.Combine(Server.Folder, "control", "socket")), stop);
                return new NetworkStream(socket, ownsSocket: true);
            },
        });
        using var body = new ByteArrayContent(Encoding.UTF8.GetBytes(subject));
        using var reply = await http.PostAsync(new Uri($"http://server/media/{command}"), body);
        return ((int)reply.StatusCode, await reply.Content.ReadAsStringAsync());
    }
}
