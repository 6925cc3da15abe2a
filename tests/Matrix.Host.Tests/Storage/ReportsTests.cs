using Matrix.Host.Storage.Tables.Reports;

namespace Matrix.Host.Tests.Storage;

/// <summary>The table of reports.</summary>
internal sealed class ReportsTests(string kind) : StorageTests(kind)
{
    private static ContentReported Report(string reporter, string reason, int mostOfReporter = 9, int most = 9) =>
        new(reporter, new ReportedContent(ReportKind.Room, "!r:x", null, null, reason), mostOfReporter, most);

    [Test]
    public async Task Reports_are_listed_the_newest_first_in_pages()
    {
        await Write(Report("@a:x", "1"), Report("@b:x", "2"));
        await Write(new ContentReported(
            "@a:x", new ReportedContent(ReportKind.Event, "!r:x", "$e", "@sender:x", "3"), 9, 9));

        var first = await Store.Reports.NewestAsync(long.MaxValue, 2, Stop);
        var second = await Store.Reports.NewestAsync(first[^1].Id, 2, Stop);

        Assert.That(
            first.Concat(second).Select(row => (row.Reporter, row.Content.Reason)),
            Is.EqualTo(new[] { ("@a:x", "3"), ("@b:x", "2"), ("@a:x", "1") }));
        Assert.That(
            first[0].Content, Is.EqualTo(new ReportedContent(ReportKind.Event, "!r:x", "$e", "@sender:x", "3")));
        Assert.That(await Applies(new ReportDeleted(first[0].Id)), Is.True);
        Assert.That(await Applies(new ReportDeleted(first[0].Id)), Is.False);
    }

    [Test]
    public async Task Beyond_the_bounds_the_oldest_go_those_of_one_user_first()
    {
        await Write(Report("@a:x", "first"));
        for (var i = 0; i < 5; i++) await Write(Report("@flood:x", $"{i}", mostOfReporter: 2));
        Assert.That(await ReasonsAsync(), Is.EqualTo(new[] { "4", "3", "first" }));

        for (var i = 0; i < 3; i++) await Write(Report($"@other{i}:x", $"o{i}", most: 4));
        Assert.That(await ReasonsAsync(), Is.EqualTo(new[] { "o2", "o1", "o0", "4" }));
    }

    private async Task<IEnumerable<string>> ReasonsAsync() =>
        (await Store.Reports.NewestAsync(long.MaxValue, 99, Stop)).Select(row => row.Content.Reason);
}
