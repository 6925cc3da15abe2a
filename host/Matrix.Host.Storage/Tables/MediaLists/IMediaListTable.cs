using Matrix.Host.Storage.Tables.Media;

namespace Matrix.Host.Storage.Tables.MediaLists;

/// <summary>Lists of media for administrators.</summary>
public interface IMediaListTable
{
    /// <summary>A page of what a user uploaded. Reads all of the user's rows.</summary>
    ValueTask<IReadOnlyList<MediaRow>> OfUserAsync(
        string uploader, MediaOrder order, bool isReversed, long skip, int limit, CancellationToken stop);

    /// <summary>
    /// Media with an origin that was not accessed since a time and has more bytes than some, by id: that after one.
    /// </summary>
    ValueTask<IReadOnlyList<MediaRow>> UnusedAsync(
        string origin, long accessedBefore, long largerThan, string afterId, int limit, CancellationToken stop);

    /// <summary>A page of what users have uploaded. Reads all media that users uploaded.</summary>
    ValueTask<IReadOnlyList<UserMediaRow>> StatisticsAsync(
        MediaStatistics query, long skip, int limit, CancellationToken stop);

    /// <summary>The number of users that the query admits.</summary>
    ValueTask<long> StatisticsCountAsync(MediaStatistics query, CancellationToken stop);
}

/// <summary>The order of a user's media; the id decides between equals.</summary>
public enum MediaOrder
{
    /// <summary>By the time of the upload.</summary>
    CreatedAt,

    /// <summary>By the last access.</summary>
    AccessedAt,

    /// <summary>By id.</summary>
    MediaId,

    /// <summary>By size.</summary>
    Size,

    /// <summary>By type.</summary>
    ContentType,

    /// <summary>By file name.</summary>
    FileName,
}

/// <summary>The order of users by their media; the user id decides between equals.</summary>
public enum StatisticsOrder
{
    /// <summary>By user id.</summary>
    UserId,

    /// <summary>By display name.</summary>
    DisplayName,

    /// <summary>By the number of uploads.</summary>
    Count,

    /// <summary>By bytes.</summary>
    Bytes,
}

/// <summary>Which uploads are counted, and how the users are ordered.</summary>
/// <param name="From">Uploads at this time or later count, in milliseconds since the epoch.</param>
/// <param name="Until">Uploads at this time or earlier count.</param>
/// <param name="Search">Part of the user id or of the display name, in any case; null for all.</param>
public sealed record MediaStatistics(
    long From, long Until, string? Search, StatisticsOrder Order, bool IsReversed);

/// <summary>What a user has uploaded.</summary>
/// <param name="DisplayName">The display name as JSON; null for none.</param>
public sealed record UserMediaRow(string UserId, ReadOnlyMemory<byte>? DisplayName, long Count, long Bytes);
