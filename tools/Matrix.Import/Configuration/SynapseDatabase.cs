using Matrix.Import.Configuration.Reading;

namespace Matrix.Import.Configuration;

/// <summary>A database of Synapse's: an SQLite file, or a PostgreSQL database.</summary>
/// <param name="Label">Its name in `databases`; `master` if there is one database.</param>
public sealed record SynapseDatabase(string Label)
{
    /// <summary>The SQLite file; empty for PostgreSQL.</summary>
    public string SqliteFile { get; init; } = "";

    /// <summary>Npgsql's connection string; null for SQLite.</summary>
    public Secret? ConnectionString { get; init; }

    /// <summary>What it is and where, without a password.</summary>
    public string Description { get; init; } = "";

    /// <summary>Whether it has everything but state groups.</summary>
    public bool HasMain { get; init; } = true;

    /// <summary>Whether it has the state groups.</summary>
    public bool HasState { get; init; } = true;

    /// <summary>Whether it is a PostgreSQL database.</summary>
    public bool IsPostgres => ConnectionString is not null;
}
