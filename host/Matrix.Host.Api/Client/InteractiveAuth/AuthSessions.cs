using System.Buffers.Text;
using System.Security.Cryptography;
using Matrix.Host.Storage.Commits;
using Matrix.Host.Storage.Ownership;

namespace Matrix.Host.Api.Client.InteractiveAuth;

/// <summary>
/// Sessions, open or finished, in memory and for a limited time. Their number is limited: in all, for each user, and
/// for strangers together. One whose shard was given away is gone.
/// </summary>
internal sealed class AuthSessions(ShardGates gates, ClientOptions options, TimeProvider clock)
{
    private const int IdBytes = 18;

    // No user has this id.
    private const string Strangers = "";

    private readonly Lock _lock = new();
    private readonly Dictionary<string, LinkedListNode<Entry>> _byId = new(StringComparer.Ordinal);

    // All live equally long, so the first is the oldest and the next to end.
    private readonly LinkedList<Entry> _byAge = new();
    private readonly Dictionary<string, Queue<LinkedListNode<Entry>>> _byOwner = new(StringComparer.Ordinal);

    /// <summary>Begins a session. One of an owner who has too many takes the place of their oldest.</summary>
    /// <param name="user">The user or application service that begins it; null for a stranger.</param>
    internal AuthSession Start(string operation, AuthDemand demand, string? user)
    {
        var (owner, share) = user is null
            ? (Strangers, options.InteractiveSessions / 2)
            : (user, options.InteractiveOfUser);
        var id = MintedIds.Draw(
            gates, static () => Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(IdBytes)), out var visit);
        using var inside = visit;
        var session = new AuthSession(
            id,
            operation,
            demand,
            clock.GetUtcNow() + options.InteractiveLifetime);
        lock (_lock)
        {
            DropEnded();
            if (_byOwner.TryGetValue(owner, out var own) && own.Count >= share) Drop(own.Peek());
            if (_byId.Count >= options.InteractiveSessions) Drop(_byAge.First!);
            var node = _byAge.AddLast(new Entry(session, owner, visit.Opening));
            _byId.Add(session.Id, node);
            if (!_byOwner.TryGetValue(owner, out own)) _byOwner.Add(owner, own = new Queue<LinkedListNode<Entry>>());
            own.Enqueue(node);
        }

        return session;
    }

    /// <exception cref="StorageException">Another node has the session, if there is one.</exception>
    internal AuthSession? Find(string id)
    {
        using var visit = gates.Enter(Authority.Minted(id));
        lock (_lock)
        {
            DropEnded();
            return _byId.TryGetValue(id, out var node) && node.Value.Opening == visit.Opening
                ? node.Value.Session
                : null;
        }
    }

    private void DropEnded()
    {
        var now = clock.GetUtcNow();
        while (_byAge.First is { } oldest && oldest.Value.Session.ExpiresAt <= now) Drop(oldest);
    }

    /// <summary>Drops a session that is the oldest of its owner's.</summary>
    private void Drop(LinkedListNode<Entry> node)
    {
        var (session, owner, _) = node.Value;
        _byId.Remove(session.Id);
        _byAge.Remove(node);
        var own = _byOwner[owner];
        own.Dequeue();
        if (own.Count == 0) _byOwner.Remove(owner);
    }

    private sealed record Entry(AuthSession Session, string Owner, long Opening);
}
