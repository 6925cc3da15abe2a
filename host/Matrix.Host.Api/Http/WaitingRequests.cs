using Matrix.Host.Storage.Commits;
using Matrix.Host.Users.Sessions;

namespace Matrix.Host.Api.Http;

/// <summary>
/// The requests that wait for news. When a session may have ended, its user's requests are judged again at once, and
/// those that are refused end.
/// </summary>
public sealed class WaitingRequests : IRestoredConsumer
{
    private readonly ClientAdmission _admission;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, List<WaitingRequest>> _byUser = new(StringComparer.Ordinal);

    // For the writer's thread only.
    private readonly HashSet<string> _touched = new(StringComparer.Ordinal);
    private bool _endsTokensOfAdmin;

    /// <summary>Creates it, and subscribes it to commits.</summary>
    public WaitingRequests(IStorageWriter writer, ClientAdmission admission)
    {
        _admission = admission;
        writer.AddConsumer(this);
    }

    /// <inheritdoc/>
    public void OnChange(Change change, long position)
    {
        if (SessionChanges.UserOf(change) is { } user) _touched.Add(user);
        if (SessionChanges.EndsTokensOfAdmin(change)) _endsTokensOfAdmin = true;
    }

    /// <inheritdoc/>
    public void End(long through)
    {
        if (_touched.Count == 0) return;
        var concerned = Concerned();
        _touched.Clear();
        _endsTokensOfAdmin = false;
        if (concerned.Count > 0) _ = Task.Run(() => JudgeAsync(concerned));
    }

    /// <inheritdoc/>
    public void Missed(long through)
    {
        _touched.Clear();
        _endsTokensOfAdmin = false;
    }

    /// <inheritdoc/>
    public async ValueTask RestoreAsync(long after, long through, CancellationToken stop)
    {
        List<WaitingRequest> all;
        lock (_gate) all = [.. _byUser.Values.SelectMany(static own => own)];
        await JudgeAsync(all);
    }

    /// <summary>A request begins that may wait. Disposing ends it.</summary>
    internal WaitingRequest Begin(Credentials shown, Caller caller, Route route, CancellationToken stop)
    {
        var request = new WaitingRequest(this, shown, caller, route, stop);
        lock (_gate)
        {
            if (!_byUser.TryGetValue(caller.UserId, out var own)) _byUser[caller.UserId] = own = [];
            own.Add(request);
        }

        return request;
    }

    internal ValueTask<Answer?> JudgeAgainAsync(WaitingRequest request) =>
        _admission.JudgeAgainAsync(request.Credentials, request.Caller, request.Route, request.Stop);

    internal void Forget(WaitingRequest request)
    {
        lock (_gate)
        {
            if (!_byUser.TryGetValue(request.Caller.UserId, out var own)) return;
            own.Remove(request);
            if (own.Count == 0) _byUser.Remove(request.Caller.UserId);
        }
    }

    private List<WaitingRequest> Concerned()
    {
        var concerned = new List<WaitingRequest>();
        lock (_gate)
        {
            foreach (var user in _touched)
            {
                if (_byUser.TryGetValue(user, out var own)) concerned.AddRange(own);
            }

            if (!_endsTokensOfAdmin) return concerned;

            // The tokens by which administrators act as users have no device.
            concerned.AddRange(
                _byUser.Values.SelectMany(static own => own).Where(static each => !each.Caller.HasDevice));
        }

        return concerned;
    }

    private static async Task JudgeAsync(List<WaitingRequest> concerned)
    {
        foreach (var request in concerned) await request.JudgeAsync();
    }
}

/// <summary>A request that may wait, until it is disposed or its session ends.</summary>
internal sealed class WaitingRequest : IDisposable
{
    private readonly WaitingRequests _all;
    private readonly CancellationTokenSource _end;
    private readonly Lock _gate = new();
    private bool _isOver;

    internal WaitingRequest(
        WaitingRequests all, Credentials shown, Caller caller, Route route, CancellationToken stop)
    {
        _all = all;
        Credentials = shown;
        Caller = caller;
        Route = route;
        _end = CancellationTokenSource.CreateLinkedTokenSource(stop);
        Stop = _end.Token;
    }

    internal Credentials Credentials { get; }

    internal Caller Caller { get; }

    internal Route Route { get; }

    /// <summary>Cancelled when the client has gone or the session has ended.</summary>
    internal CancellationToken Stop { get; }

    /// <summary>The response, once the session has ended.</summary>
    internal Answer? Refusal { get; private set; }

    /// <summary>Ends the request if its caller is refused now.</summary>
    internal async ValueTask JudgeAsync()
    {
        Answer? refusal;
        try
        {
            refusal = await _all.JudgeAgainAsync(this);
        }
        catch (Exception fault) when (fault is OperationCanceledException or StorageException)
        {
            // It is judged once more before its response is written.
            return;
        }

        if (refusal is null) return;
        lock (_gate)
        {
            if (_isOver) return;
            _isOver = true;
            Refusal = refusal;
        }

        await _end.CancelAsync();
        _end.Dispose();
    }

    public void Dispose()
    {
        _all.Forget(this);
        lock (_gate)
        {
            if (_isOver) return;
            _isOver = true;
        }

        _end.Dispose();
    }
}
