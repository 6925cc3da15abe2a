using Matrix.Host.Sodium;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>Sessions, open or finished, in memory and for a limited time. Their number is limited.</summary>
internal sealed class AuthSessions(ClientOptions options, TimeProvider clock)
{
    private const int IdBytes = 18;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<AuthSession>> _byId = new(StringComparer.Ordinal);

    // All live equally long, so the first is the oldest and the next to end.
    private readonly LinkedList<AuthSession> _byAge = new();

    internal AuthSession Start(string operation, AuthDemand demand)
    {
        var session = new AuthSession(
            SecretBytes.RandomText(IdBytes), operation, demand, clock.GetUtcNow() + options.InteractiveLifetime);
        lock (_lock)
        {
            DropEnded();
            if (_byId.Count >= options.InteractiveSessions) Drop(_byAge.First!);
            _byId.Add(session.Id, _byAge.AddLast(session));
        }

        return session;
    }

    internal AuthSession? Find(string id)
    {
        lock (_lock)
        {
            DropEnded();
            return _byId.TryGetValue(id, out var node) ? node.Value : null;
        }
    }

    private void DropEnded()
    {
        var now = clock.GetUtcNow();
        while (_byAge.First is { } oldest && oldest.Value.ExpiresAt <= now) Drop(oldest);
    }

    private void Drop(LinkedListNode<AuthSession> node)
    {
        _byId.Remove(node.Value.Id);
        _byAge.Remove(node);
    }
}
