using System.Text.Json;
using Matrix.Host.Storage.Tables.Jobs;

namespace Matrix.Host.Rooms.Administration;

/// <summary>What an administrator wants of the deletion of a room.</summary>
public sealed record RoomDeletionWish
{
    /// <summary>Whether everything that is stored of the room is deleted; otherwise local users leave only.</summary>
    public bool Purges { get; init; } = true;

    /// <summary>Whether it is deleted also if a local user cannot leave.</summary>
    public bool Forces { get; init; }

    /// <summary>The local user who creates the room to which the local members move; null for none.</summary>
    public string? NewRoomUserId { get; init; }

    /// <summary>The name of that room.</summary>
    public string? RoomName { get; init; }

    /// <summary>The message that members find there.</summary>
    public string? Message { get; init; }

    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this);

    internal static RoomDeletionWish Of(JobRow job) =>
        JsonSerializer.Deserialize<RoomDeletionWish>(job.Input.Span) ?? new RoomDeletionWish();
}

/// <summary>The parts of a deletion, in order.</summary>
internal enum DeletionStage
{
    /// <summary>The room to which the members move is created.</summary>
    Begin,

    /// <summary>Local members leave.</summary>
    Members,

    /// <summary>Aliases move or go.</summary>
    Aliases,

    /// <summary>Other servers get the departures.</summary>
    Departures,

    /// <summary>The room is known no more.</summary>
    Hide,

    /// <summary>Requests that read it end.</summary>
    Readers,

    /// <summary>Rows by user are deleted.</summary>
    Users,

    /// <summary>All other rows are deleted, table by table.</summary>
    Tables,
}

/// <summary>What a deletion has done.</summary>
public sealed record RoomDeletionProgress
{
    /// <summary>The most users in each list.</summary>
    internal const int MostListed = 1000;

    /// <summary>The local users who left.</summary>
    public IReadOnlyList<string> Left { get; init; } = [];

    /// <summary>The local users who could not leave.</summary>
    public IReadOnlyList<string> NotLeft { get; init; } = [];

    /// <summary>The local aliases that moved or were deleted.</summary>
    public IReadOnlyList<string> Aliases { get; init; } = [];

    /// <summary>The room to which the members move; null for none.</summary>
    public string? NewRoomId { get; init; }

    /// <summary>The number of the room.</summary>
    public int Nid { get; init; }

    /// <summary>The part that goes on, as a number.</summary>
    public int Stage { get; init; }

    /// <summary>When that part began, in milliseconds since the epoch.</summary>
    public long Since { get; init; }

    /// <summary>The table that is being emptied.</summary>
    public int Table { get; init; }

    /// <summary>The users that left, those beyond the list included.</summary>
    public int CountLeft { get; init; }

    /// <summary>The progress at the beginning of a part.</summary>
    internal RoomDeletionProgress At(DeletionStage stage, TimeProvider time) => this with
    {
        Stage = (int)stage,
        Since = time.GetUtcNow().ToUnixTimeMilliseconds(),
    };

    /// <summary>The progress of a job.</summary>
    public static RoomDeletionProgress Of(JobRow job) =>
        job.Progress.IsEmpty
            ? new RoomDeletionProgress()
            : JsonSerializer.Deserialize<RoomDeletionProgress>(job.Progress.Span) ?? new RoomDeletionProgress();

    internal byte[] ToJson() => JsonSerializer.SerializeToUtf8Bytes(this);
}
