namespace Matrix.Import.Sources;

/// <summary>The address of one of Synapse's databases.</summary>
/// <param name="File">The path of a SQLite file; null for PostgreSQL.</param>
/// <param name="ConnectionString">A connection string of PostgreSQL; null for SQLite. It may hold a password.</param>
/// <param name="HasMain">Whether it has everything but state groups.</param>
/// <param name="HasState">Whether it has the state groups.</param>
internal sealed record SourceAddress(string? File, string? ConnectionString, bool HasMain, bool HasState)
{
    /// <summary>Opens the databases, each as of one moment.</summary>
    /// <param name="databases">One, or two of which the second has the state groups.</param>
    /// <param name="stop">Ends the opening.</param>
    /// <exception cref="SourceException">One cannot be opened, or is not Synapse's.</exception>
    public static async Task<SynapseSource> OpenAsync(IReadOnlyList<SourceAddress> databases, CancellationToken stop)
    {
        var main = databases.FirstOrDefault(static one => one.HasMain)
            ?? throw new SourceException("Synapse's configuration names no database with its main tables.");
        var state = databases.FirstOrDefault(static one => one.HasState) ?? main;
        var openedMain = await main.OpenAsync(stop);
        try
        {
            var openedState = ReferenceEquals(main, state) ? openedMain : await state.OpenAsync(stop);
            return await SynapseSource.OpenAsync(openedMain, openedState, stop);
        }
        catch
        {
            await openedMain.DisposeAsync();
            throw;
        }
    }

    /// <summary>Where it is, without a password.</summary>
    public override string ToString() => File
        ?? (ConnectionString is { } text && new Npgsql.NpgsqlConnectionStringBuilder(text) is { } settings
            ? $"{settings.Database} at {settings.Host}"
            : "");

    private async Task<ISourceDatabase> OpenAsync(CancellationToken stop) =>
        File is { } file ? SqliteSource.Open(file) : await PostgresSource.OpenAsync(ConnectionString!, stop);
}
