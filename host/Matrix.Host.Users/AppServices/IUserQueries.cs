namespace Matrix.Host.Users.AppServices;

/// <summary>The result of asking an application service for something that does not exist here yet.</summary>
public enum QueryResult
{
    /// <summary>No service has it in its namespaces, or the service says that there is none.</summary>
    Unknown,

    /// <summary>The service says that it exists, and has created it.</summary>
    Exists,

    /// <summary>The service did not answer.</summary>
    NoAnswer,
}

/// <summary>
/// Asks application services for users who do not exist yet, which the services then create.
/// v1.19 application-service-api#querying
/// </summary>
public interface IUserQueries
{
    /// <summary>Asks the services whose namespaces include a local user.</summary>
    ValueTask<QueryResult> AskAsync(string userId, CancellationToken stop);
}
