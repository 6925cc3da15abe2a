using Matrix.Host.Storage.Commits;

namespace Matrix.Host.Storage.Tables.Reports;

/// <summary>
/// What users reported to the operators. Client-Server API, "Reporting Content". A row takes some 150 bytes and the
/// reason; its change bounds the rows of a user, and all of them.
/// </summary>
public interface IReportsTable
{
    /// <summary>Reports with smaller ids than this, the newest first.</summary>
    ValueTask<IReadOnlyList<ReportRow>> NewestAsync(long before, int limit, CancellationToken stop);
}

/// <summary>The kind of a reported thing.</summary>
public enum ReportKind
{
    /// <summary>An event.</summary>
    Event = 1,

    /// <summary>A room.</summary>
    Room = 2,

    /// <summary>A user.</summary>
    User = 3,
}

/// <summary>A report.</summary>
/// <param name="Id">Rises with each report.</param>
/// <param name="ReceivedAt">Milliseconds since the epoch.</param>
/// <param name="Reporter">The user who reported.</param>
/// <param name="Content">What was reported.</param>
public sealed record ReportRow(long Id, long ReceivedAt, string Reporter, ReportedContent Content);

/// <summary>What a user reports.</summary>
/// <param name="RoomId">The room, or the event's room; null for a user.</param>
/// <param name="EventId">The event; null for a room and a user.</param>
/// <param name="UserId">The user, or the event's sender; null for a room.</param>
/// <param name="Reason">Empty if none was given.</param>
public sealed record ReportedContent(ReportKind Kind, string? RoomId, string? EventId, string? UserId, string Reason);

/// <summary>A report came. Beyond the bounds the oldest of the reporter are deleted, and the oldest of all.</summary>
/// <param name="MostOfReporter">The most reports of one user that are kept.</param>
/// <param name="Most">The most reports that are kept.</param>
public sealed record ContentReported(
    string Reporter, ReportedContent Content, int MostOfReporter, int Most) : Change
{
    internal override int Weight => 300 + Content.Reason.Length;
}

/// <summary>An operator deletes a report. Not applied if there is none.</summary>
public sealed record ReportDeleted(long Id) : ConditionalChange;
