namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>A session of user-interactive authentication: for one endpoint, one user and one request, however often that is sent.</summary>
/// <param name="id">Its identifier.</param>
/// <param name="operation">What it is bound to: method, endpoint, user and, where the endpoint says so, the body.</param>
/// <param name="demand">What is to be authenticated.</param>
/// <param name="expiresAt">When it ends.</param>
internal sealed class AuthSession(string id, string operation, AuthDemand demand, DateTimeOffset expiresAt)
{
    private readonly Lock _lock = new();
    private readonly List<string> _completed = [];
    private string? _registrationToken;
    private string? _userId;

    internal string Id { get; } = id;

    internal string Operation { get; } = operation;

    internal AuthDemand Demand { get; } = demand;

    internal DateTimeOffset ExpiresAt { get; } = expiresAt;

    /// <summary>The registration token that was given and found valid; it is used up only with the registration itself.</summary>
    internal string? RegistrationToken
    {
        get
        {
            lock (_lock) return _registrationToken;
        }
    }

    /// <summary>Whose password was given; null if none was.</summary>
    internal string? UserId
    {
        get
        {
            lock (_lock) return _userId;
        }
    }

    internal string[] Completed
    {
        get
        {
            lock (_lock) return [.. _completed];
        }
    }

    internal void Complete(string stage, string? registrationToken = null, string? userId = null)
    {
        lock (_lock)
        {
            _userId = userId ?? _userId;
            if (!_completed.Contains(stage)) _completed.Add(stage);
            _registrationToken = registrationToken ?? _registrationToken;
        }
    }

    /// <summary>The registration token turned out to be used up: its stage is open again.</summary>
    internal void ReopenRegistrationToken()
    {
        lock (_lock)
        {
            _completed.Remove(AuthStage.RegistrationToken);
            _registrationToken = null;
        }
    }

    /// <summary>Whether a flow is complete.</summary>
    internal bool Completes(AuthFlow flow)
    {
        lock (_lock) return flow.Stages.All(_completed.Contains);
    }

    /// <summary>Whether a stage is the next one of a flow.</summary>
    internal bool IsNext(IReadOnlyList<AuthFlow> flows, string stage)
    {
        lock (_lock)
        {
            return flows.Any(flow => flow.Stages.FirstOrDefault(s => !_completed.Contains(s)) == stage);
        }
    }
}
