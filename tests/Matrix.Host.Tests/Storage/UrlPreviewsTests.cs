using System.Text;
using Matrix.Host.Storage.Tables.Media;
using Matrix.Host.Storage.Tables.UrlPreviews;

namespace Matrix.Host.Tests.Storage;

/// <summary>The table of previews.</summary>
internal sealed class UrlPreviewsTests(string kind) : StorageTests(kind)
{
    private static UrlPreviewRow Row(string url, long at, string? media = null, long bytes = 0) =>
        new(url, at, Encoding.UTF8.GetBytes($"{{\"at\":{at}}}"), media, bytes);

    [Test]
    public async Task The_latest_preview_of_a_time_is_found()
    {
        await Write(
            new UrlPreviewStored(Row("https://a/", 10)),
            new UrlPreviewStored(Row("https://a/", 20, "m", 5)),
            new UrlPreviewStored(Row("https://a/", 30)),
            new UrlPreviewStored(Row("https://b/", 25)));

        var found = await Store.UrlPreviews.FindAsync("https://a/", 10, 29, Stop);

        Assert.That(
            (found!.Url, found.FetchedAt, found.MediaId, found.ImageBytes, Encoding.UTF8.GetString(found.Body.Span)),
            Is.EqualTo(("https://a/", 20L, "m", 5L, "{\"at\":20}")));
        Assert.That(await Store.UrlPreviews.FindAsync("https://a/", 31, 99, Stop), Is.Null);
    }

    [Test]
    public async Task Previews_are_deleted_one_by_one_the_oldest_first()
    {
        await Write(
            new UrlPreviewStored(Row("https://b/", 20, "n", 7)),
            new UrlPreviewStored(Row("https://a/", 10, "m", 5)),
            new UrlPreviewStored(Row("https://a/", 30)));
        Assert.That(await Store.UrlPreviews.UseAsync(Stop), Is.EqualTo(new MediaUse(3, 12)));
        Assert.That(
            (await Store.UrlPreviews.OldestAsync(2, Stop)).Select(row => row.FetchedAt), Is.EqualTo(new[] { 10, 20 }));

        await Write(new UrlPreviewDeleted("https://a/", 10));

        Assert.That(await Store.UrlPreviews.UseAsync(Stop), Is.EqualTo(new MediaUse(2, 7)));
    }
}
