using Matrix.Host.Storage;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Matrix.Host.Tests.Media;

/// <summary>Media that operators delete or keep from being served, through the administration API.</summary>
[TestFixtureSource(typeof(TestDatabase), nameof(TestDatabase.Kinds))]
internal sealed class OperatorsTests(string kind) : TwoUsersTests(kind)
{
    private MediaTable Table => Server.Services.GetRequiredService<OpenedStorage>().Media;

    [Test]
    public async Task A_deleted_uri_leaves_the_file_to_another_one()
    {
        var first = await Alice.UploadsAsync("the same");
        var second = await Bob.UploadsAsync("the same");

        Assert.That((await DeletesAsync($"media/{first}")).Status, Is.EqualTo(200));

        (await Bob.DownloadsAsync(first)).Is(404, "M_NOT_FOUND");
        Assert.That((await Bob.DownloadsAsync(second)).HasStatus(200).Text, Is.EqualTo("the same"));
        Assert.That((await DeletesAsync($"media/{first}")).Status, Is.EqualTo(404));
        await DeletesAsync($"media/{second}");
        Assert.That(MediaServer.FilesOf(Server), Is.Empty);
    }

    [Test]
    public async Task All_media_of_a_user_is_deleted_and_nobody_elses()
    {
        var own = new[] { await Alice.UploadsAsync("one"), await Alice.UploadsAsync("two") };
        var other = await Bob.UploadsAsync("three");

        Assert.That((await DeletesAsync($"users/{Alice.UserId}/media")).Total, Is.EqualTo(2));

        foreach (var uri in own) (await Bob.DownloadsAsync(uri)).Is(404, "M_NOT_FOUND");
        (await Bob.DownloadsAsync(other)).HasStatus(200);
        Assert.That((await DeletesAsync($"users/{Alice.UserId}/media")).Total, Is.Zero);
    }

    [Test]
    public async Task A_quarantine_covers_all_uris_of_a_content_and_later_uploads_until_it_is_released()
    {
        var first = await Alice.UploadsAsync("bad");
        var second = await Bob.UploadsAsync("bad");
        var good = await Bob.UploadsAsync("good");
        (await Bob.DownloadsAsync(first)).HasStatus(200);

        Assert.That(await PostsAsync("quarantine", first), Is.EqualTo(200));

        var later = await Bob.UploadsAsync("bad");
        foreach (var uri in new[] { first, second, later }) (await Alice.DownloadsAsync(uri)).Is(404, "M_NOT_FOUND");
        (await Alice.DownloadsAsync(good)).HasStatus(200);
        var listed = await Table.ListAsync(new MediaListing { IsQuarantined = true }, 10, default);
        Assert.That(listed.Select(row => row.MediaId), Is.EquivalentTo(
            new[] { first, second, later }.Select(uri => uri.Split('/')[1])));

        // The content is known by its hash when no URI has it any more.
        foreach (var uri in new[] { first, second }) await DeletesAsync($"media/{uri}");
        Assert.That(await PostsAsync("unquarantine", listed[0].FileHash!), Is.EqualTo(200));
        Assert.That((await Alice.DownloadsAsync(later)).HasStatus(200).Text, Is.EqualTo("bad"));
        Assert.That(await PostsAsync("unquarantine", later), Is.EqualTo(404));
        Assert.That(await PostsAsync("quarantine", listed[0].FileHash!), Is.EqualTo(200));
        (await Alice.DownloadsAsync(later)).Is(404, "M_NOT_FOUND");
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

    [TestCase("test.example/nothing")]
    [TestCase("test.example")]
    [TestCase("test.example/a/b")]
    [TestCase("0123abcd")]
    public async Task What_is_no_media_is_said(string subject)
    {
        Assert.That((await DeletesAsync("media/" + subject)).Status, Is.EqualTo(404));
        Assert.That(await PostsAsync("quarantine", subject), Is.EqualTo(404));
        Assert.That(await PostsAsync("unquarantine", subject), Is.EqualTo(404));
    }

    [TestCase("/media/delete")]
    [TestCase("/_matrix/client/v3/account/whoami")]
    [TestCase("/_synapse/admin/v1/register")]
    public async Task The_operators_socket_serves_the_administration_api_only(string path) =>
        Assert.That((await Server.OperatorGetsAsync(HttpMethod.Post, path)).Status, Is.EqualTo(404));

    private async Task<(int Status, int? Total)> DeletesAsync(string path)
    {
        var (status, json) = await Server.OperatorAsync(HttpMethod.Delete, path);
        return (status, (int?)json["total"]);
    }

    private async Task<int> PostsAsync(string act, string subject) =>
        (await Server.OperatorAsync(HttpMethod.Post, $"media/{act}/{subject}")).Status;
}
