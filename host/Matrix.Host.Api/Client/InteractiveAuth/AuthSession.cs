using Matrix.Host.Api.Http;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Tables.Accounts;
using Matrix.Host.Storage.Tables.Policies;
using Matrix.Host.Storage.Tables.ValidationSessions;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// A session of user-interactive authentication, for one endpoint, user and request, however often the request is sent.
/// </summary>
/// <param name="operation">The method, endpoint and user of the session, with the body if the endpoint binds
/// it.</param>
internal sealed class AuthSession(string id, string operation, AuthDemand demand, DateTimeOffset expiresAt)
{
    private readonly Lock _lock = new();
    private readonly List<(string Stage, StageProof Proof)> _completed = [];
    private string? _request;
    private Answer? _result;
    private KeptValidation? _kept;

    // Ends with the claim of a request; null while none has one.
    private TaskCompletionSource? _work;

    internal string Id { get; } = id;

    internal string Operation { get; } = operation;

    internal AuthDemand Demand { get; } = demand;

    internal DateTimeOffset ExpiresAt { get; } = expiresAt;

    /// <summary>The valid registration token of the session; it is used up only by the registration itself.</summary>
    internal string? RegistrationToken
    {
        get
        {
            lock (_lock) return _completed.Select(c => c.Proof.RegistrationToken).FirstOrDefault(t => t is not null);
        }
    }

    /// <summary>The proved addresses, which are used up only by the registration itself.</summary>
    internal IReadOnlyList<(string Stage, ValidationSessionRow Validation)> Validations
    {
        get
        {
            lock (_lock)
            {
                return
                [
                    .. _completed.Where(c => c.Proof.Validation is not null)
                        .Select(c => (c.Stage, c.Proof.Validation!)),
                ];
            }
        }
    }

    /// <summary>The policies that the user accepted.</summary>
    internal IReadOnlyList<AcceptedPolicy> Accepted
    {
        get
        {
            lock (_lock) return [.. _completed.SelectMany(c => c.Proof.Accepted)];
        }
    }

    /// <summary>
    /// The session of validation that the server keeps for a client that knows none; null if it began none.
    /// </summary>
    internal KeptValidation? Kept
    {
        get
        {
            lock (_lock) return _kept;
        }

        set
        {
            lock (_lock) _kept = value;
        }
    }

    /// <summary>The user who authenticated; null if no stage has shown one.</summary>
    internal string? UserId
    {
        get
        {
            lock (_lock) return _completed.Select(c => c.Proof.UserId).FirstOrDefault(id => id is not null);
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
            lock (_lock) return [.. _completed.Select(c => c.Stage)];
        }
    }

    /// <summary>Records a completed stage; of two attempts at once, the first counts.</summary>
    internal void Complete(string stage, StageProof proof)
    {
        lock (_lock)
        {
            if (!Has(stage)) _completed.Add((stage, proof));
        }
    }

    /// <summary>Reopens a stage whose proof does not hold any more.</summary>
    internal void Reopen(string stage)
    {
        lock (_lock) _completed.RemoveAll(c => c.Stage == stage);
    }

    /// <summary>Reopens the stages whose proofs are conditions of the write, one of which did not hold.</summary>
    internal void ReopenConditional()
    {
        lock (_lock) _completed.RemoveAll(c => c.Proof.Condition is not null);
    }

    /// <summary>
    /// A new condition that the user may still do what the stages proved: an unchanged password, otherwise an active
    /// account.
    /// </summary>
    internal ConditionalChange NewCondition()
    {
        lock (_lock)
        {
            return _completed.Select(c => c.Proof.Condition).FirstOrDefault(c => c is not null) is { } make
                ? make()
                : new UserIsActive(_completed.Select(c => c.Proof.UserId).First(id => id is not null)!);
        }
    }

    /// <summary>
    /// Claims the session for the work of one request; requests at the same time wait until the claim is disposed.
    /// </summary>
    internal async ValueTask<IDisposable> ClaimAsync(CancellationToken stop)
    {
        while (true)
        {
            Task other;
            lock (_lock)
            {
                if (_work is null)
                {
                    _work = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                    return new Claim(this);
                }

                other = _work.Task;
            }

            await other.WaitAsync(stop);
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
        lock (_lock) return flow.Stages.All(Has);
    }

    /// <summary>
    /// The turn of a stage. It is looked at once, because another request may complete the stage at the same time.
    /// </summary>
    internal StageProgress ProgressOf(IReadOnlyList<AuthFlow> flows, string stage)
    {
        lock (_lock)
        {
            return Has(stage) ? StageProgress.Completed
                : flows.Any(flow => flow.Stages.FirstOrDefault(s => !Has(s)) == stage) ? StageProgress.Next
                : StageProgress.NotYet;
        }
    }

    private bool Has(string stage) => _completed.Exists(c => c.Stage == stage);

    private void Release()
    {
        TaskCompletionSource work;
        lock (_lock) (work, _work) = (_work!, null);
        work.SetResult();
    }

    private sealed class Claim(AuthSession session) : IDisposable
    {
        public void Dispose() => session.Release();
    }
}

/// <summary>
/// A session of validation for a client that only knows its session of authentication, and whose secret the server has
/// made.
/// </summary>
/// <param name="SessionId">The id of the session of validation.</param>
/// <param name="Address">The address that is proved.</param>
/// <param name="IsByCode">Whether a code was sent and not a link.</param>
internal sealed record KeptValidation(string SessionId, string ClientSecret, string Address, bool IsByCode)
{
    /// <summary>The id only: the rest is secret.</summary>
    public override string ToString() => SessionId;
}

/// <summary>The turn of a stage in a session.</summary>
internal enum StageProgress
{
    /// <summary>It was completed.</summary>
    Completed,

    /// <summary>It is the next one of a flow.</summary>
    Next,

    /// <summary>It is of no flow, or others come before it.</summary>
    NotYet,
}
