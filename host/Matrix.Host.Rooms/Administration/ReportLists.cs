using Matrix.Host.Rooms.Snapshots;
using Matrix.Host.Rooms.Summaries;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Reports;

namespace Matrix.Host.Rooms.Administration;

/// <summary>A report, with what its room is called.</summary>
public sealed record ListedReport(ReportRow Row, string? RoomName, string? CanonicalAlias);

/// <summary>Which reports are listed. A null admits all.</summary>
/// <param name="Reporter">Part of the reporter's user id.</param>
/// <param name="RoomId">Part of the room's id.</param>
/// <param name="Sender">Part of the user id of the event's sender, or of the user.</param>
/// <param name="IsOldestFirst">Whether the oldest come first.</param>
/// <param name="Kind">What is reported.</param>
/// <param name="Before">Only reports with smaller ids.</param>
public sealed record ReportQuery(
    string? Reporter,
    string? RoomId,
    string? Sender,
    bool IsOldestFirst,
    ReportKind? Kind = ReportKind.Event,
    long Before = long.MaxValue)
{
    /// <summary>Whether the query admits a report.</summary>
    internal bool Admits(ReportRow row) =>
        (Kind is null || row.Content.Kind == Kind)
        && Contains(row.Reporter, Reporter)
        && Contains(row.Content.RoomId, RoomId)
        && Contains(row.Content.UserId, Sender);

    private static bool Contains(string? text, string? part) =>
        part is null || text?.Contains(part, StringComparison.OrdinalIgnoreCase) == true;
}

/// <summary>
/// Reports, for administrators. A list reads all reports, whose number is bounded where they are stored.
/// </summary>
public sealed class ReportLists(
    ReportsTable reportsTable, IStorageWriter writer, RoomSnapshots rooms, RoomSummaries summaries)
{
    private const int ReadAtOnce = 1000;

    /// <summary>A page of the reports, and the number of those that the query admits.</summary>
    public async ValueTask<(IReadOnlyList<ListedReport> Reports, int Total)> ListAsync(
        ReportQuery query, long skip, int limit, CancellationToken stop)
    {
        var found = new List<ReportRow>();
        for (var before = query.Before; ;)
        {
            var page = await reportsTable.NewestAsync(before, ReadAtOnce, stop);
            found.AddRange(page.Where(query.Admits));
            if (page.Count < ReadAtOnce) break;
            before = page[^1].Id;
        }

        if (query.IsOldestFirst) found.Reverse();
        var listed = new List<ListedReport>();
        foreach (var row in found.Skip((int)Math.Min(skip, found.Count)).Take(limit))
        {
            listed.Add(await OfAsync(row, stop));
        }

        return (listed, found.Count);
    }

    /// <summary>A report; null if there is none.</summary>
    public async ValueTask<ListedReport?> FindAsync(long id, CancellationToken stop)
    {
        var next = id == long.MaxValue
            ? []
            : await reportsTable.NewestAsync(id + 1, 1, stop);
        return next is [var row] && row.Id == id
            ? await OfAsync(row, stop)
            : null;
    }

    /// <summary>Deletes a report. False if there is none.</summary>
    /// <param name="record">The record of the act, written with it.</param>
    public async ValueTask<bool> DeleteAsync(long id, ConditionalChange record, CancellationToken stop)
    {
        var batch = new WriteBatch(Authority.Nobody, 2).Require(new ReportDeleted(id)).Require(record);
        return !(await writer.WriteAsync(batch, stop)).Refused;
    }

    private async ValueTask<ListedReport> OfAsync(ReportRow row, CancellationToken stop)
    {
        if (row.Content.RoomId is not { } roomId
            || await rooms.FindAsync(roomId, stop) is not { } snapshot)
        {
            return new ListedReport(row, null, null);
        }

        var summary = await summaries.OfAsync(snapshot, stop);
        return new ListedReport(row, summary.Name, summary.CanonicalAlias);
    }
}
