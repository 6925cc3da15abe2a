using Matrix.Host.Api.Http;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// A session of user-interactive authentication, for one endpoint, user and request, however often the request is sent.
/// </summary>
/// <param name="operation">The method, endpoint and user of the session, with the body if the endpoint binds
/// it.</param>
internal sealed class AuthSession(string id, string operation, AuthDemand demand, DateTimeOffset expiresAt)
{
    private readonly Lock _lock = new();
    private readonly List<string> _completed = [];
    private string? _registrationToken;
    private string? _userId;
    private string? _passwordHash;
    private string? _request;
    private Answer? _result;

    internal string Id { get; } = id;

    internal string Operation { get; } = operation;

    internal AuthDemand Demand { get; } = demand;

    internal DateTimeOffset ExpiresAt { get; } = expiresAt;

    /// <summary>The valid registration token of the session; it is used up only by the registration itself.</summary>
    internal string? RegistrationToken
    {
        get
        {
            lock (_lock) return _registrationToken;
        }
    }

    /// <summary>The user whose password was given; null if none was.</summary>
    internal string? UserId
    {
        get
        {
            lock (_lock) return _userId;
        }
    }

    /// <summary>The hash of the given password; null if none was given.</summary>
    internal string? PasswordHash
    {
        get
        {
            lock (_lock) return _passwordHash;
        }
    }

    /// <summary>Whether a request was granted: the session grants no other.</summary>
    internal bool IsFinished
    {
        get
        {
            lock (_lock) return _result is not null;
        }
    }

    internal string[] Completed
    {
        get
        {
            lock (_lock) return [.. _completed];
        }
    }

    internal void Complete(
        string stage, string? registrationToken = null, string? userId = null, string? passwordHash = null)
    {
        lock (_lock)
        {
            _userId = userId ?? _userId;
            _passwordHash = passwordHash ?? _passwordHash;
            if (!_completed.Contains(stage)) _completed.Add(stage);
            _registrationToken = registrationToken ?? _registrationToken;
        }
    }

    /// <summary>Reopens the stage of the registration token, which was used up meanwhile.</summary>
    internal void ReopenRegistrationToken()
    {
        lock (_lock)
        {
            _completed.Remove(AuthStage.RegistrationToken);
            _registrationToken = null;
        }
    }

    /// <summary>Reopens the stage of the password, which was changed meanwhile.</summary>
    internal void ReopenPassword()
    {
        lock (_lock)
        {
            _completed.Remove(AuthStage.Password);
            (_userId, _passwordHash) = (null, null);
        }
    }

    /// <summary>Records a granted request with its response.</summary>
    internal void Finish(string request, Answer result)
    {
        lock (_lock) (_request, _result) = (request, result);
    }

    /// <summary>The response of the granted request if this is the same request; otherwise null.</summary>
    internal Answer? ResultOf(string request)
    {
        lock (_lock) return _request == request ? _result : null;
    }

    /// <summary>Whether a flow is complete.</summary>
    internal bool Completes(AuthFlow flow)
    {
        lock (_lock) return flow.Stages.All(_completed.Contains);
    }

    /// <summary>
    /// The turn of a stage. It is looked at once, because another request may complete the stage at the same time.
    /// </summary>
    internal StageTurn TurnOf(IReadOnlyList<AuthFlow> flows, string stage)
    {
        lock (_lock)
        {
            return _completed.Contains(stage) ? StageTurn.Completed
                : flows.Any(flow => flow.Stages.FirstOrDefault(s => !_completed.Contains(s)) == stage) ? StageTurn.Next
                : StageTurn.NotYet;
        }
    }
}

/// <summary>The turn of a stage in a session.</summary>
internal enum StageTurn
{
    /// <summary>It was completed.</summary>
    Completed,

    /// <summary>It is the next one of a flow.</summary>
    Next,

    /// <summary>It is of no flow, or others come before it.</summary>
    NotYet,
}
