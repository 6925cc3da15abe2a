namespace Matrix.Host.Storage;

/// <summary>Administration of the store as a whole: `mx db …`.</summary>
public interface IStorageAdmin
{
    /// <summary>The kind and version of the database, for people: "SQLite 3.40.1", "PostgreSQL 15.18".</summary>
    string Engine { get; }

    /// <summary>The migrations that were applied to this database, in order.</summary>
    ValueTask<IReadOnlyList<MigrationRow>> MigrationsAsync(CancellationToken stop);

    /// <summary>Bytes of the whole database on disk. It does not read the tables.</summary>
    ValueTask<long> BytesAsync(CancellationToken stop);

    /// <summary>Bytes by table, indexes included, largest first.</summary>
    ValueTask<IReadOnlyList<TableSize>> TableSizesAsync(CancellationToken stop);

    /// <summary>
    /// Bytes of event and state rows by room, largest first. Reads every row: for operators, not for requests.
    /// </summary>
    ValueTask<IReadOnlyList<RoomSize>> RoomSizesAsync(int limit, CancellationToken stop);

    /// <summary>
    /// Copies the database to a new file while the server runs. The copy is one committed state, and is synced when
    /// this returns. SQLite only: other databases throw a <see cref="Commits.StorageException"/> that names their tool.
    /// An existing file is refused.
    /// </summary>
    ValueTask BackupAsync(string to, CancellationToken stop);
}

/// <summary>An applied migration.</summary>
/// <param name="AppliedAt">Milliseconds since the epoch.</param>
public sealed record MigrationRow(int Number, string Name, long AppliedAt);

/// <summary>The size of a table.</summary>
/// <param name="Bytes">Bytes on disk, indexes included.</param>
/// <param name="Rows">The number of rows; an estimate on PostgreSQL.</param>
public sealed record TableSize(string Table, long Bytes, long Rows);

/// <summary>The size of a room.</summary>
/// <param name="EventBytes">Bytes of events as stored.</param>
/// <param name="StateBytes">Bytes of steps and checkpoint nodes.</param>
public sealed record RoomSize(string RoomId, long Events, long EventBytes, long StateBytes);
