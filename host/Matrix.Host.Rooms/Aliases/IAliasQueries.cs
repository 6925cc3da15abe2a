namespace Matrix.Host.Rooms.Aliases;

/// <summary>The result of asking an application service for an alias that does not exist here yet.</summary>
public enum AliasQueryResult
{
    /// <summary>No service has it in its namespaces, or the service says that there is none.</summary>
    Unknown,

    /// <summary>The service says that it exists, and has created it.</summary>
    Exists,

    /// <summary>The service did not answer.</summary>
    NoAnswer,
}

/// <summary>
/// Asks application services for aliases that do not exist yet, which the services then create with their rooms.
/// v1.19 application-service-api#querying
/// </summary>
public interface IAliasQueries
{
    /// <summary>Asks the services whose namespaces include a local alias.</summary>
    ValueTask<AliasQueryResult> AskAsync(string alias, CancellationToken stop);
}
