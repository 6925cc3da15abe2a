using Matrix.Processes;

namespace Matrix.Durability;

/// <summary>Settings of PostgreSQL under which a commit may be lost.</summary>
internal static class PostgresSettings
{
    /// <summary>The server names the setting in one line and does not start.</summary>
    public static async Task SynchronousCommitOffIsRefusedAsync(PostgresProcess postgres)
    {
        var url = postgres.NewDatabase("unsafe");
        postgres.Sql("unsafe", "ALTER DATABASE unsafe SET synchronous_commit = off");
        using var server = new HomeserverProcess(url);
        try
        {
            await server.StartAsync();
        }
        catch (InvalidOperationException)
        {
            if (!server.LogEnd().Contains("synchronous_commit", StringComparison.Ordinal))
            {
                throw new LostException($"The refusal does not name the setting: {server.LogEnd()}");
            }

            return;
        }

        throw new LostException("The server started on a database whose commits may be lost.");
    }
}
