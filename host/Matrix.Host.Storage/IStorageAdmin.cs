namespace Matrix.Host.Storage;

/// <summary>What an operator asks of the store as a whole: `mx db …`.</summary>
public interface IStorageAdmin
{
    /// <summary>Which kind of database this is, for people: "SQLite 3.40.1", "PostgreSQL 15.18".</summary>
    string Engine { get; }

    /// <summary>The migrations that this database went through, in order.</summary>
    ValueTask<IReadOnlyList<MigrationRow>> MigrationsAsync(CancellationToken stop);

    /// <summary>Bytes by table, indexes included, greatest first.</summary>
    ValueTask<IReadOnlyList<TableSize>> TableSizesAsync(CancellationToken stop);

    /// <summary>Bytes of event and state rows by room, greatest first. Reads every row: for operators, not for requests.</summary>
    ValueTask<IReadOnlyList<RoomSize>> RoomSizesAsync(int limit, CancellationToken stop);

    /// <summary>
    /// Copies the database to a new file while the server goes on; the copy is one committed instant and is synced when this returns. SQLite only:
    /// elsewhere a <see cref="Commits.StorageException"/> says which tool to use. An existing file is refused.
    /// </summary>
    ValueTask BackupAsync(string to, CancellationToken stop);
}

/// <summary>A migration that was applied.</summary>
/// <param name="Number">Its number, from 1.</param>
/// <param name="Name">Its name.</param>
/// <param name="AppliedAt">When, in milliseconds since the epoch.</param>
public sealed record MigrationRow(int Number, string Name, long AppliedAt);

/// <summary>What a table takes.</summary>
/// <param name="Table">Its name.</param>
/// <param name="Bytes">Bytes on disk, indexes included.</param>
/// <param name="Rows">Its rows; an estimate on PostgreSQL.</param>
public sealed record TableSize(string Table, long Bytes, long Rows);

/// <summary>What a room takes.</summary>
/// <param name="RoomId">The room.</param>
/// <param name="Events">How many events are stored.</param>
/// <param name="EventBytes">Bytes of their stored form.</param>
/// <param name="StateBytes">Bytes of steps and checkpoint nodes.</param>
public sealed record RoomSize(string RoomId, long Events, long EventBytes, long StateBytes);
